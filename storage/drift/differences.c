/*
 * Walks the sorted members of two archives side by side. Any thread; needs four bytes of memory for each
 * member, for the order.
 */
#include "storage/drift/differences.h"

#include <string.h>

/* Two tables being compared. */
struct walk {
	const struct members *promised, *came;
	size_t promised_top,
	        came_top;   /* bytes of the top-level directory that are left out of names; 0: none */
	uint32_t *partners; /* for each promised member its place in what came */
	struct differences *differences;
};

#define NO_PARTNER UINT32_MAX

/* The path below the top-level directory, "" for that one itself. */
static const char *
below(const struct member *member, size_t top)
{
	if (top == 0)
		return member->path;
	return member->path[top] == '\0' ? "" : member->path + top + 1;
}

static bool
same_content(const struct member *a, const struct member *b)
{
	if (a->type != b->type)
		return false;
	switch ((enum member_type)a->type) {
	case MEMBER_FILE:
		return a->size == b->size && memcmp(a->sha256, b->sha256, sizeof a->sha256) == 0;
	case MEMBER_DIRECTORY:
		return true;
	case MEMBER_SYMLINK:
	case MEMBER_OTHER:
		return strcmp(a->target, b->target) == 0;
	}
	return false;
}

static void
differs(struct walk *walk, const struct member *member, enum drift_change change)
{
	struct differences *differences = walk->differences;

	differences->differ++;
	if (differences->n_named == COUNT_OF(differences->named))
		return;
	differences->named[differences->n_named].change = change;
	text_escape(member->path, differences->named[differences->n_named].path, DRIFT_PATH_MAX);
	differences->n_named++;
}

/* In one of the two only. A directory is no file: what is in it counts. */
static void
meet_one(struct walk *walk, const struct member *member, enum drift_change change)
{
	if (member->type == MEMBER_DIRECTORY)
		walk->differences->traits |= TRAIT_DIRECTORIES;
	else
		differs(walk, member, change);
}

static void
meet_both(struct walk *walk, const struct member *promised, const struct member *came)
{
	unsigned *traits = &walk->differences->traits;

	walk->partners[promised - walk->promised->all] = (uint32_t)(came - walk->came->all);
	if (!same_content(promised, came)) {
		differs(walk, promised, DRIFT_CHANGED);
		return;
	}
	walk->differences->same += promised->type != MEMBER_DIRECTORY;
	if (promised->mtime != came->mtime || promised->mtime_ns != came->mtime_ns)
		*traits |= TRAIT_TIMES;
	if (strcmp(promised->owner, came->owner) != 0)
		*traits |= TRAIT_OWNERS;
	if (promised->mode != came->mode)
		*traits |= TRAIT_MODES;
	if (promised->is_hard_link != came->is_hard_link)
		*traits |= TRAIT_HARD_LINKS;
}

static void
walk_names(struct walk *walk)
{
	const struct members *promised = walk->promised, *came = walk->came;
	size_t i = 0, j = 0;

	while (i < promised->distinct || j < came->distinct) {
		const struct member *left =
		        i < promised->distinct ? &promised->all[promised->sorted[i]] : NULL;
		const struct member *right = j < came->distinct ? &came->all[came->sorted[j]] : NULL;
		int order = left == NULL ? 1
		            : right == NULL
		                    ? -1
		                    : strcmp(below(left, walk->promised_top), below(right, walk->came_top));

		if (order < 0)
			meet_one(walk, left, DRIFT_REMOVED);
		else if (order > 0)
			meet_one(walk, right, DRIFT_ADDED);
		else
			meet_both(walk, left, right);
		i += order <= 0;
		j += order >= 0;
	}
}

/* Whether those in both come in the same order. */
static void
walk_order(struct walk *walk)
{
	uint32_t last = 0;

	for (size_t i = 0; i < walk->promised->count; i++) {
		uint32_t partner = walk->partners[i];

		if (partner == NO_PARTNER)
			continue;
		if (partner < last)
			walk->differences->traits |= TRAIT_ORDER;
		last = partner;
	}
}

enum tops { TOPS_KEPT, TOPS_LEFT_OUT };

static void
compare_with(
        const struct members *promised, const struct members *came, enum tops tops, struct differences *ret)
{
	struct walk walk = {.promised = promised,
	        .came = came,
	        .partners = xmalloc(promised->count * sizeof *walk.partners),
	        .differences = ret};

	*ret = (struct differences){0};
	if (tops == TOPS_LEFT_OUT) {
		walk.promised_top = strlen(promised->top);
		walk.came_top = strlen(came->top);
		ret->traits |= TRAIT_TOP;
	}
	for (size_t i = 0; i < promised->count; i++)
		walk.partners[i] = NO_PARTNER;
	walk_names(&walk);
	walk_order(&walk);
	if (promised->count - promised->distinct != came->count - came->distinct)
		ret->traits |= TRAIT_REPEATED;
	if (promised->form != came->form || promised->tar_forms != came->tar_forms)
		ret->traits |= TRAIT_FORM;
	free(walk.partners);
}

/*
 * Where the top-level directories differ, names are compared without them if that finds more files to be the
 * same: a tree that moved as a whole has not changed, while a file added beside the one directory leaves the
 * rest where it was.
 */
void
differences_find(const struct members *promised, const struct members *came, struct differences *ret)
{
	struct differences without;

	compare_with(promised, came, TOPS_KEPT, ret);
	if (strcmp(promised->top, came->top) == 0)
		return;
	compare_with(promised, came, TOPS_LEFT_OUT, &without);
	if (without.differ < ret->differ)
		*ret = without;
}

static void
add_trait(struct text *text, const char *trait)
{
	text_addf(text, "%s%s", text->length > 0 ? ", " : "", trait);
}

/* "another thing (this instead of that)" */
static void
add_other(struct text *text, const char *thing, const char *came, const char *promised)
{
	char now[DRIFT_PATH_MAX / 2], before[DRIFT_PATH_MAX / 2];

	text_escape(came, now, sizeof now);
	text_escape(promised, before, sizeof before);
	add_trait(text, thing);
	text_addf(text, " (%s instead of %s)", now, before);
}

static const char *
top_name(const struct members *members)
{
	return members->top[0] != '\0' ? members->top : "none";
}

/* "zip"; "pax tar"; "ustar and GNU tar" */
static void
form_name(const struct members *members, struct text *ret)
{
	static const struct {
		unsigned form;
		const char *name;
	} forms[] = {{MEMBERS_OLD_TAR, "old"}, {MEMBERS_USTAR, "ustar"}, {MEMBERS_PAX, "pax"},
	        {MEMBERS_GNU_TAR, "GNU"}};

	if (members->form == MEMBERS_ZIP) {
		text_add(ret, "zip");
		return;
	}
	for (size_t i = 0; i < COUNT_OF(forms); i++)
		if ((members->tar_forms & forms[i].form) != 0)
			text_addf(ret, "%s%s", ret->length > 0 ? " and " : "", forms[i].name);
	text_add(ret, " tar");
}

void
differences_describe_traits(const struct members *promised, const struct members *came,
        const struct differences *differences, struct text *text)
{
	static const struct {
		unsigned trait;
		const char *name;
	} traits[] = {{TRAIT_TIMES, "other times"}, {TRAIT_OWNERS, "other owners"},
	        {TRAIT_MODES, "other modes"}, {TRAIT_ORDER, "another order"},
	        {TRAIT_DIRECTORIES, "other entries for directories"}, {TRAIT_HARD_LINKS, "other hard links"},
	        {TRAIT_REPEATED, "other repeated entries"}};
	AUTO_TEXT before = TEXT_EMPTY, now = TEXT_EMPTY, list = TEXT_EMPTY;

	form_name(promised, &before);
	form_name(came, &now);
	if ((differences->traits & TRAIT_TOP) != 0)
		add_other(&list, "another top-level directory", top_name(came), top_name(promised));
	if ((differences->traits & TRAIT_FORM) != 0)
		add_other(&list, "another form", text_string(&now), text_string(&before));
	for (size_t i = 0; i < COUNT_OF(traits); i++)
		if ((differences->traits & traits[i].trait) != 0)
			add_trait(&list, traits[i].name);
	text_add(text, text_string(&list));
}
