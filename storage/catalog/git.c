/*
 * Git processes. The environment is ours without what begins with GIT_, plus what keeps git from reading anybody's
 * settings, asking, fetching or waiting. A process is in a group of its own, so that Ctrl-C reaches us alone and we
 * clean up. One thread.
 */
#include "storage/catalog/git.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "storage/base/file.h"
#include "storage/base/text.h"

#define PIPE_BYTES   (1u << 20) /* fewer turns of the two processes; a wish, which the system may refuse */
#define LOOK_MS      100        /* how long being stopped may go unnoticed */
#define READS_BLIND  64         /* reads between two looks while there is always more */
#define MESSAGES_MAX 4096       /* bytes of what git says that are looked at */

static const char *const settings[] = {
        "GIT_CONFIG_NOSYSTEM=1",
        "GIT_CONFIG_GLOBAL=/dev/null",
        "GIT_ATTR_NOSYSTEM=1",
        "GIT_NO_REPLACE_OBJECTS=1",
        "GIT_NO_LAZY_FETCH=1",
        "GIT_ALLOW_PROTOCOL=none", /* no protocol has this name */
        "GIT_OPTIONAL_LOCKS=0",
        "GIT_TERMINAL_PROMPT=0",
        "GIT_PAGER=cat",
        "LC_ALL=C",
};

/*
 * Of every process: files are not held in memory where git can avoid it, and not more trees than one is made of;
 * nothing is run, in case a later git runs something for what is asked of it here.
 */
static const char *const first_arguments[] = {"git", "--no-pager", "--literal-pathspecs", "-c",
        "core.bigFileThreshold=1m", "-c", "core.deltaBaseCacheLimit=24m", "-c", "core.commitGraph=false",
        "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"};

extern char **environ;

struct environment {
	const char **variables;
	char *directory, *objects;
};

static void
make_environment(struct environment *environment, const struct git_place *place)
{
	struct text directory = TEXT_EMPTY, objects = TEXT_EMPTY;
	size_t count = 0, n = 0;

	while (environ[count] != NULL)
		count++;
	environment->variables = xmalloc((count + COUNT_OF(settings) + 3) * sizeof *environment->variables);
	for (size_t i = 0; i < count; i++)
		if (!text_starts_with(environ[i], "GIT_") && !text_starts_with(environ[i], "LC_ALL="))
			environment->variables[n++] = environ[i];
	for (size_t i = 0; i < COUNT_OF(settings); i++)
		environment->variables[n++] = settings[i];
	text_addf(&directory, "GIT_DIR=%s", place->directory);
	environment->variables[n++] = environment->directory = text_take(&directory);
	if (place->objects != NULL)
		text_addf(&objects, "GIT_OBJECT_DIRECTORY=%s", place->objects);
	environment->objects = text_take(&objects);
	if (place->objects != NULL)
		environment->variables[n++] = environment->objects;
	environment->variables[n] = NULL;
}

static void
finish_environment(struct environment *environment)
{
	free(environment->variables);
	free(environment->directory);
	free(environment->objects);
}

/* The child has the signals a program expects, which larder itself has blocked or ignores. */
static void
set_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, usual;

	sigemptyset(&none);
	sigemptyset(&usual);
	sigaddset(&usual, SIGPIPE);
	sigaddset(&usual, SIGXFSZ);
	posix_spawnattr_init(attributes);
	posix_spawnattr_setflags(
	        attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setpgroup(attributes, 0);
	posix_spawnattr_setsigmask(attributes, &none);
	posix_spawnattr_setsigdefault(attributes, &usual);
}

/* An errno. */
static int
spawn(struct git *git, const char *const *arguments, int input, int output)
{
	const char *all[COUNT_OF(first_arguments) + GIT_ARGUMENTS_MAX + 1];
	posix_spawn_file_actions_t actions;
	struct environment environment;
	posix_spawnattr_t attributes;
	size_t n = COUNT_OF(first_arguments);
	int failed;

	memcpy(all, first_arguments, sizeof first_arguments);
	while (*arguments != NULL && n < COUNT_OF(all) - 1)
		all[n++] = *arguments++;
	all[n] = NULL;
	make_environment(&environment, git->place);
	set_attributes(&attributes);
	posix_spawn_file_actions_init(&actions);
	if (input >= 0)
		posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	else
		posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, git->messages, STDERR_FILENO);
	failed = posix_spawnp(&git->pid, "git", &actions, &attributes, (char *const *)(const void *)all,
	        (char *const *)(const void *)environment.variables);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	finish_environment(&environment);
	return failed;
}

bool
git_start(struct git *ret, const struct git_place *place, const char *const *arguments, int input,
        struct err *err)
{
	struct git git = {.place = place};
	AUTO_FD messages = memfd_create("git's messages", MFD_CLOEXEC);
	AUTO_FD from = -1, to = -1;
	int ends[2], failed;

	if (messages < 0 || pipe2(ends, O_CLOEXEC) != 0)
		return err_errno(err, "starting git");
	from = ends[0];
	to = ends[1];
	fcntl(from, F_SETPIPE_SZ, PIPE_BYTES);
	fcntl(from, F_SETFL, O_NONBLOCK);
	if (input >= 0 && lseek(input, 0, SEEK_SET) != 0)
		return err_errno(err, "starting git");
	git.messages = messages;
	failed = spawn(&git, arguments, input, to);
	if (failed == ENOENT)
		return err_set(err, ERR_IO, "there is no git in PATH; a history cannot be read without it");
	if (failed != 0) {
		errno = failed;
		return err_errno(err, "starting git");
	}
	git.output = take_fd(&from);
	take_fd(&messages);
	*ret = git;
	return true;
}

bool
git_may_go_on(const struct git_place *place, struct err *err)
{
	if (place->is_stopped == NULL || !place->is_stopped(place->context))
		return true;
	return err_set(err, ERR_CANCELLED, "stopped before all was read");
}

ssize_t
git_read(void *source, void *bytes, size_t size, struct err *err)
{
	struct git *git = source;
	struct pollfd pollfd = {.fd = git->output, .events = POLLIN};

	/* Where there is always more, nobody waits. */
	if (++git->reads % READS_BLIND == 0 && !git_may_go_on(git->place, err))
		return -1;
	for (;;) {
		ssize_t got = read(git->output, bytes, size);

		if (got >= 0)
			return got;
		if (errno == EAGAIN) {
			poll(&pollfd, 1, LOOK_MS);
			if (!git_may_go_on(git->place, err))
				return -1;
		} else if (errno != EINTR) {
			err_errno(err, "reading from git");
			return -1;
		}
	}
}

/* --- the end --- */

void
git_kill(struct git *git)
{
	int status;

	if (git->pid == 0)
		return;
	kill(-git->pid, SIGKILL);
	while (waitpid(git->pid, &status, 0) < 0 && errno == EINTR)
		;
	close(git->output);
	close(git->messages);
	git->pid = 0;
}

/* The line that says why, of what git said; "" if there is none. In place. */
static const char *
find_reason(char *messages)
{
	char *at = messages;

	while (*at != '\0') {
		char *line = at;

		at += strcspn(at, "\n");
		if (*at != '\0')
			*at++ = '\0';
		if (text_starts_with(line, "fatal: ") || text_starts_with(line, "error: "))
			return line + strlen("fatal: ");
	}
	return "";
}

/* Sets err to what git said was wrong; false: it said nothing. */
static bool
said_why(const struct git *git, struct err *err)
{
	char messages[MESSAGES_MAX + 1], reason[sizeof err->text];
	struct err unread = ERR_NONE;
	ssize_t got = file_pread(git->messages, messages, MESSAGES_MAX, 0, &unread);

	messages[got > 0 ? got : 0] = '\0';
	text_escape(find_reason(messages), reason, sizeof reason);
	if (reason[0] == '\0')
		return false;
	err_set(err, ERR_SYNTAX, "git says: %s", reason);
	return true;
}

/* It came to its end. */
static bool
is_good_end(const struct git *git, int status, struct err *err)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	if (said_why(git, err))
		return false;
	if (WIFSIGNALED(status))
		return err_set(err, ERR_IO, "git was ended by signal %d", WTERMSIG(status));
	return err_set(err, ERR_SYNTAX, "git failed with status %d", WEXITSTATUS(status));
}

bool
git_end(struct git *git, struct err *err)
{
	bool good = err->code == ERR_OK;
	char rest[4096];
	int status = 0;

	/* Whoever has read to the end finds git at its own; what is wrong may still be said. */
	while (good && git_read(git, rest, sizeof rest, err) > 0)
		;
	good = err->code == ERR_OK;
	close(git->output);
	if (!good)
		kill(-git->pid, SIGKILL);
	while (waitpid(git->pid, &status, 0) < 0 && errno == EINTR)
		;
	git->pid = 0;
	/* What we found wrong is often what git could not read, and has named better. */
	if (good)
		good = is_good_end(git, status, err);
	else if (err->code != ERR_CANCELLED)
		said_why(git, err);
	close(git->messages);
	return good;
}

bool
git_run(const struct git_place *place, const char *const *arguments, int input, size_t max, struct text *ret,
        struct err *err)
{
	char chunk[4096];
	struct git git;
	ssize_t got;

	text_clear(ret);
	if (!git_start(&git, place, arguments, input, err))
		return false;
	while ((got = git_read(&git, chunk, sizeof chunk, err)) > 0) {
		if (ret->length + (size_t)got > max) {
			err_set(err, ERR_TOO_LARGE, "git wrote more than the %zu bytes expected", max);
			break;
		}
		text_add_bytes(ret, chunk, (size_t)got);
	}
	if (!git_end(&git, err))
		return false;
	if (ret->length > 0 && ret->bytes[ret->length - 1] == '\n')
		ret->bytes[--ret->length] = '\0';
	return true;
}
