/*
 * Opening a repository: what is it, an empty one beside it, which commits are its newest. Everything that may be
 * hostile is looked at here and in git itself. One thread.
 */
#include "storage/catalog/git_repository.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "storage/base/file.h"
#include "storage/base/text.h"

#define HEADS_MAX   (8u << 20) /* bytes that git says of a bundle's heads */
#define BUNDLE_HEAD 4096       /* bytes in which a bundle says which identities it has */

static int
remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

void
git_repository_close(struct git_repository *repository)
{
	/* What cannot be removed stays in TMPDIR, where it does no harm. */
	if (repository->directory != NULL)
		nftw(repository->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(repository->directory);
	free(repository->objects);
	text_finish(&repository->tips);
	text_finish(&repository->known);
	*repository = (struct git_repository){0};
}

/* --- our own repository --- */

static bool
make_directory(struct git_repository *repository, struct err *err)
{
	const char *parent = getenv("TMPDIR");
	struct text path = TEXT_EMPTY;

	text_addf(&path, "%s/larder-history-XXXXXX", parent != NULL && parent[0] == '/' ? parent : "/tmp");
	if (mkdtemp(path.bytes) == NULL) {
		err_errno(err, "making the directory %s", path.bytes);
		text_finish(&path);
		return false;
	}
	repository->directory = text_take(&path);
	repository->place.directory = repository->directory;
	return true;
}

static bool
make_empty(struct git_repository *repository, const char *format, struct err *err)
{
	AUTO_TEXT said = TEXT_EMPTY;
	const char *arguments[] = {"init", "--quiet", "--bare", "--template=", "--object-format=sha1",
	        repository->directory, NULL};

	if (strcmp(format, "sha1") != 0)
		return err_set(err, ERR_SYNTAX,
		        "its identities are of %s, and larder reads those of sha1 alone; a copy that "
		        "`git fast-export --all | git fast-import` makes in a repository of sha1 can be read",
		        format);
	return git_run(&repository->place, arguments, -1, HEADS_MAX, &said, err);
}

/* --- which commits --- */

/* Adds "<id>^{commit}" for each word that is an identity; how many there were. */
static size_t
add_questions(struct text *questions, const char *words)
{
	size_t count = 0;

	while (*words != '\0') {
		size_t length = strcspn(words, " \n");

		if (length == GIT_HEX_SIZE - 1 && strspn(words, "0123456789abcdef") >= length) {
			text_addf(questions, "%.*s^{commit}\n", (int)length, words);
			count++;
		}
		words += length + strspn(words + length, " \n");
		/* Of a head of a bundle only the identity counts, which stands first in its line. */
	}
	return count;
}

/* A line for every one that is a commit, or a tag of one, and is there. */
static bool
add_commits(struct git *git, struct text *ret, size_t *ret_count, struct err *err)
{
	AUTO_FREE struct git_stream *stream = xmalloc(sizeof *stream);
	struct git_answer answer;
	enum git_next next;

	git_stream_start(stream, git_read, git);
	while ((next = git_stream_answer(stream, &answer, err)) == GIT_NEXT) {
		if (!answer.is_commit || (ret->length > 0 && strstr(ret->bytes, answer.id) != NULL))
			continue;
		text_addf(ret, "%s\n", answer.id);
		++*ret_count;
	}
	return next == GIT_END;
}

/* Of these words the commits that are in the repository, each once. */
static bool
find_commits(struct git_repository *repository, const char *words, struct text *ret, size_t *ret_count,
        struct err *err)
{
	static const char *const arguments[] = {"cat-file", "--batch-check", "--buffer", NULL};
	AUTO_FD input = memfd_create("commits", MFD_CLOEXEC);
	AUTO_TEXT questions = TEXT_EMPTY;
	struct git git;

	*ret_count = 0;
	if (add_questions(&questions, words) > GIT_TIPS_MAX)
		return err_set(err, ERR_TOO_LARGE, "more than the %d heads allowed", GIT_TIPS_MAX);
	if (input < 0)
		return err_errno(err, "starting git");
	if (!file_write(input, text_string(&questions), questions.length, err) ||
	        !git_start(&git, &repository->place, arguments, input, err))
		return false;
	if (!add_commits(&git, ret, ret_count, err)) {
		git_kill(&git);
		return false;
	}
	return git_end(&git, err);
}

/* --- a clone --- */

static bool
is_there(const char *directory, const char *name)
{
	AUTO_TEXT path = TEXT_EMPTY;
	struct stat stat;

	text_addf(&path, "%s/%s", directory, name);
	return lstat(text_string(&path), &stat) == 0;
}

/* Where a clone shows what it has: .git in it, or it is bare. */
static bool
find_git_directory(const char *path, const char *name, struct text *ret, struct err *err)
{
	text_add(ret, path);
	if (is_there(path, ".git"))
		text_add(ret, "/.git");
	else if (!is_there(path, "HEAD") || !is_there(path, "objects"))
		return err_set(err, ERR_SYNTAX, "%s is a directory, but no git repository%s", name,
		        is_there(path, "packages") ? ": an opam repository without its history" : "");
	return true;
}

/* One answer of `git rev-parse` in the clone itself. */
static bool
ask_clone(const struct git_place *clone, const char *question, const char *of, struct text *ret,
        struct err *err)
{
	const char *arguments[] = {"rev-parse", "--path-format=absolute", question, of, NULL};

	return git_run(clone, arguments, -1, PATH_MAX, ret, err);
}

/*
 * A clone whose history was cut off is refused: what it lacks would never be asked for again, since its newest commits would be known as
 * read, with all that is behind them.
 */
static bool
is_whole(const struct git_place *clone, const char *name, struct err *err)
{
	AUTO_TEXT list = TEXT_EMPTY;
	struct stat status;

	if (!ask_clone(clone, "--git-path", "shallow", &list, err))
		return false;
	if (stat(text_string(&list), &status) != 0 || status.st_size == 0)
		return true;
	return err_set(err, ERR_SYNTAX,
	        "%s is a shallow clone, which lacks most of the history; `git fetch --unshallow` in it gets "
	        "the rest",
	        name);
}

static bool
read_clone(struct git_repository *repository, const char *path, const char *name, struct text *ret_heads,
        struct err *err)
{
	AUTO_TEXT directory = TEXT_EMPTY, answer = TEXT_EMPTY;
	struct git_place clone = repository->place;
	struct err unborn = ERR_NONE;

	if (!find_git_directory(path, name, &directory, err))
		return false;
	clone.directory = text_string(&directory);
	if (!ask_clone(&clone, "--show-object-format", NULL, &answer, err) ||
	        !make_empty(repository, text_string(&answer), err) ||
	        !ask_clone(&clone, "--git-path", "objects", &answer, err))
		return false;
	repository->objects = text_take(&answer);
	repository->place.objects = repository->objects;
	if (!is_whole(&clone, name, err))
		return false;
	if (ask_clone(&clone, "--verify", "HEAD", ret_heads, &unborn))
		return true;
	if (unborn.code != ERR_CANCELLED)
		return err_set(err, ERR_SYNTAX, "its HEAD names no commit");
	*err = unborn;
	return false;
}

/* --- a bundle --- */

/* "sha1" or "sha256", from the first lines of a bundle; NULL: it is none. */
static const char *
bundle_format(int fd, struct err *err)
{
	char start[BUNDLE_HEAD + 1];
	ssize_t got = file_pread(fd, start, BUNDLE_HEAD, 0, err);

	start[got > 0 ? got : 0] = '\0';
	if (!text_starts_with(start, "# v2 git bundle\n") && !text_starts_with(start, "# v3 git bundle\n"))
		return NULL;
	return strstr(start, "\n@object-format=sha256\n") != NULL ? "sha256" : "sha1";
}

/* Lines of "<id> <name>" become lines of "<id>". */
static void
keep_first_words(const struct text *lines, struct text *ret)
{
	const char *at = text_string(lines);

	text_clear(ret);
	while (*at != '\0') {
		text_addf(ret, "%.*s\n", (int)strcspn(at, " \n"), at);
		at += strcspn(at, "\n");
		at += *at == '\n';
	}
}

static bool
read_bundle(struct git_repository *repository, const char *path, const char *name, struct text *ret_heads,
        struct err *err)
{
	const char *arguments[] = {"bundle", "unbundle", path, NULL};
	AUTO_FD fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	AUTO_TEXT heads = TEXT_EMPTY;
	const char *format;

	if (fd < 0)
		return err_errno(err, "opening it");
	format = bundle_format(fd, err);
	if (format == NULL)
		return err->code == ERR_OK ? err_set(err, ERR_SYNTAX,
		                                     "%s is a file, but no git bundle; without --history it "
		                                     "may be learned as it is",
		                                     name)
		                           : false;
	if (!make_empty(repository, format, err) ||
	        !git_run(&repository->place, arguments, -1, HEADS_MAX, &heads, err))
		return false;
	keep_first_words(&heads, ret_heads);
	return true;
}

/* --- either --- */

static bool
open_it(struct git_repository *repository, const char *path, const char *name, const char *known,
        struct err *err)
{
	AUTO_TEXT heads = TEXT_EMPTY;
	struct stat status;

	if (stat(path, &status) != 0)
		return err_errno(err, "opening it");
	if (!S_ISDIR(status.st_mode) && !S_ISREG(status.st_mode))
		return err_set(err, ERR_USAGE, "%s is neither a directory nor a file", name);
	if (!make_directory(repository, err))
		return false;
	if (!(S_ISDIR(status.st_mode) ? read_clone(repository, path, name, &heads, err)
	                              : read_bundle(repository, path, name, &heads, err)))
		return false;
	if (!find_commits(repository, text_string(&heads), &repository->tips, &repository->n_tips, err) ||
	        !find_commits(repository, known, &repository->known, &repository->n_known, err))
		return false;
	return repository->n_tips > 0 || err_set(err, ERR_SYNTAX, "it has no commit");
}

bool
git_repository_open(struct git_repository *ret, const char *path, const char *known,
        const struct git_place *watch, struct err *err)
{
	struct git_repository repository = {.place = *watch};
	AUTO_FREE char *real = realpath(path, NULL);
	struct err inner = ERR_NONE;

	if (real == NULL)
		return err_errno(err, "opening %s", path);
	if (!open_it(&repository, real, path, known, &inner)) {
		git_repository_close(&repository);
		*err = inner;
		return text_starts_with(inner.text, path) ? false : err_wrap(err, "%s", path);
	}
	*ret = repository;
	return true;
}
