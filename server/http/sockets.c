/*
 * Listening sockets. The main thread, at start. Must never share a port silently with another process.
 */
#include "server/http/sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "server/net.h"
#include "storage/base/log.h"
#include "storage/base/text.h"

#define ADDRESS_MAX (ADDRESS_TEXT_MAX + 8)

/* Room for either family; length as bind(2) wants it. */
struct endpoint {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} to;
	socklen_t length;
};

static void
endpoint_set(struct endpoint *endpoint, const struct address *address, uint16_t port)
{
	*endpoint = (struct endpoint){0};
	if (address->family == AF_INET) {
		endpoint->to.v4.sin_family = AF_INET;
		endpoint->to.v4.sin_port = htons(port);
		memcpy(&endpoint->to.v4.sin_addr, address->bytes, sizeof endpoint->to.v4.sin_addr);
		endpoint->length = sizeof endpoint->to.v4;
	} else {
		endpoint->to.v6.sin6_family = AF_INET6;
		endpoint->to.v6.sin6_port = htons(port);
		memcpy(&endpoint->to.v6.sin6_addr, address->bytes, sizeof endpoint->to.v6.sin6_addr);
		endpoint->length = sizeof endpoint->to.v6;
	}
}

static bool
parse_listen(const char *text, struct address *ret_address, uint16_t *ret_port)
{
	char host[ADDRESS_MAX];
	const char *colon = strrchr(text, ':');
	size_t length = colon != NULL ? (size_t)(colon - text) : 0;
	uint64_t port;
	bool bracketed;

	if (length == 0 || length >= sizeof host || !text_parse_number(colon + 1, &port) || port > UINT16_MAX)
		return false;
	bracketed = text[0] == '[' && text[length - 1] == ']';
	memcpy(host, bracketed ? text + 1 : text, bracketed ? length - 2 : length);
	host[bracketed ? length - 2 : length] = '\0';
	if (!address_parse(host, ret_address) || bracketed != (strchr(host, ':') != NULL))
		return false;
	*ret_port = (uint16_t)port;
	return true;
}

/* The connections inherit that nothing of an answer waits for the client to acknowledge what came before. */
static int
new_socket(int family)
{
	const int on = 1;
	AUTO_FD fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
	        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
		return -1;
	if (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0)
		return -1;
	return take_fd(&fd);
}

enum sharing { BOUND_ALONE, BOUND_WITH_OTHERS };

/*
 * The first socket of an address is bound alone, which fails where anybody else has the port; only then is it
 * opened for the others of this process. -1: errno says why.
 */
static int
bound_socket(const struct endpoint *endpoint, enum sharing sharing)
{
	const int on = 1;
	AUTO_FD fd = new_socket(endpoint->to.any.sa_family);

	if (fd < 0)
		return -1;
	if (sharing == BOUND_WITH_OTHERS && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
		return -1;
	if (bind(fd, &endpoint->to.any, endpoint->length) != 0)
		return -1;
	if (sharing == BOUND_ALONE && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
		return -1;
	return take_fd(&fd);
}

static enum sockets_answer
explain(const char *text, const struct address *address, struct err *err)
{
	int cause = errno;

	if (address->family == AF_INET6 && (cause == EADDRNOTAVAIL || cause == EAFNOSUPPORT)) {
		err_set(err, ERR_CONFIG, "cannot listen on %s: this machine does not have that IPv6 address",
		        text);
		return SOCKETS_NO_FAMILY;
	}
	if (cause == EADDRINUSE)
		err_set(err, ERR_IO,
		        "cannot listen on %s: another program has this port; stop it, or choose another with "
		        "-o listen=127.0.0.1:PORT (0: any free one)",
		        text);
	else if (cause == EADDRNOTAVAIL)
		err_set(err, ERR_CONFIG, "cannot listen on %s: this machine does not have that address",
		        text);
	else if (cause == EACCES)
		err_set(err, ERR_IO,
		        "cannot listen on %s: not allowed; ports below 1024 need root or "
		        "CAP_NET_BIND_SERVICE",
		        text);
	else
		err_set(err, ERR_IO, "cannot listen on %s: %s", text, strerror(cause));
	return SOCKETS_FAILED;
}

static uint16_t
port_of(int fd)
{
	struct endpoint bound = {.length = sizeof bound.to};

	if (getsockname(fd, &bound.to.any, &bound.length) != 0)
		return 0;
	return ntohs(bound.to.any.sa_family == AF_INET ? bound.to.v4.sin_port : bound.to.v6.sin6_port);
}

static bool
bind_all(const struct address *address, uint16_t port, size_t count, int *ret_fds)
{
	struct endpoint endpoint;

	endpoint_set(&endpoint, address, port);
	for (size_t i = 0; i < count; i++) {
		ret_fds[i] = bound_socket(&endpoint, i == 0 ? BOUND_ALONE : BOUND_WITH_OTHERS);
		if (ret_fds[i] < 0)
			return false;
		if (i == 0)
			endpoint_set(&endpoint, address, port_of(ret_fds[0]));
	}
	/* Only when all are bound: a connection must not arrive at one whose siblings then fail. */
	for (size_t i = 0; i < count; i++)
		if (listen(ret_fds[i], SOCKETS_BACKLOG) != 0)
			return false;
	return true;
}

enum sockets_answer
sockets_listen(const char *text, size_t count, int *ret_fds, char ret_url[SOCKETS_URL_MAX], struct err *err)
{
	struct address address;
	char host[ADDRESS_TEXT_MAX];
	enum sockets_answer answer;
	uint16_t port;

	if (!parse_listen(text, &address, &port)) {
		err_set(err, ERR_CONFIG,
		        "\"%.80s\" is no address to listen on; write 127.0.0.1:8080 or [::1]:8080", text);
		return SOCKETS_FAILED;
	}
	for (size_t i = 0; i < count; i++)
		ret_fds[i] = -1;
	if (!bind_all(&address, port, count, ret_fds)) {
		answer = explain(text, &address, err);
		for (size_t i = 0; i < count; i++)
			auto_close(&ret_fds[i]);
		return answer;
	}
	address_text(&address, host);
	snprintf(ret_url, SOCKETS_URL_MAX, address.family == AF_INET6 ? "http://[%s]:%u" : "http://%s:%u",
	        host, (unsigned)port_of(ret_fds[0]));
	return SOCKETS_BOUND;
}

/* Keeps fds where it is bound. */
static enum sockets_answer
open_address(struct sockets *sockets, const char *text, struct err *err)
{
	struct sockets_address *address = &sockets->addresses[sockets->count];
	AUTO_FREE int *fds = xcalloc(sockets->per_address, sizeof *fds);
	enum sockets_answer answer = sockets_listen(text, sockets->per_address, fds, address->url, err);

	if (answer != SOCKETS_BOUND)
		return answer;
	address->fds = fds;
	fds = NULL;
	sockets->count++;
	return answer;
}

bool
sockets_open(struct sockets *sockets, const char *const *texts, size_t count, size_t workers, struct err *err)
{
	sockets->per_address = workers;
	if (count > SOCKETS_ADDRESSES_MAX)
		return err_set(err, ERR_CONFIG, "listen: more than %d addresses", SOCKETS_ADDRESSES_MAX);
	for (size_t i = 0; i < count; i++) {
		switch (open_address(sockets, texts[i], err)) {
		case SOCKETS_BOUND:
			break;
		case SOCKETS_NO_FAMILY:
			if (count > 1)
				log_warning("%s; the other addresses are listened on", err->text);
			break;
		case SOCKETS_FAILED:
			sockets_close(sockets);
			return false;
		}
	}
	if (sockets->count > 0)
		return true;
	if (err->code == ERR_OK)
		err_set(err, ERR_CONFIG, "listen names no address");
	return false;
}

void
sockets_end(struct sockets *sockets)
{
	atomic_store(&sockets->closing, true);
}

void
sockets_close(struct sockets *sockets)
{
	for (size_t i = 0; i < sockets->count; i++) {
		for (size_t n = 0; n < sockets->per_address; n++)
			close(sockets->addresses[i].fds[n]);
		free(sockets->addresses[i].fds);
	}
	sockets->count = 0;
}

/* --- the control socket --- */

/* A path that does not fit is reached through the directory's descriptor, which has to stay open for bind(2). */
static void
control_endpoint(const char *directory, int directory_fd, struct sockaddr_un *ret)
{
	int length;

	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	length = snprintf(ret->sun_path, sizeof ret->sun_path, "%s/" CONTROL_SOCKET, directory);
	if (length < 0 || (size_t)length >= sizeof ret->sun_path)
		snprintf(ret->sun_path, sizeof ret->sun_path, "/proc/self/fd/%d/" CONTROL_SOCKET,
		        directory_fd);
}

int
sockets_listen_control(const char *directory, struct err *err)
{
	AUTO_FD directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_un endpoint;

	if (directory_fd < 0 || fd < 0) {
		err_errno(err, "the control socket in %.120s", directory);
		return -1;
	}
	control_endpoint(directory, directory_fd, &endpoint);
	/* bind(2) gives the file the mode that the socket has, so that it is nobody else's for no instant. */
	if ((unlinkat(directory_fd, CONTROL_SOCKET, 0) != 0 && errno != ENOENT) || fchmod(fd, 0600) != 0 ||
	        bind(fd, (struct sockaddr *)&endpoint, sizeof endpoint) != 0 ||
	        listen(fd, SOCKETS_BACKLOG) != 0) {
		err_errno(err, "making %.120s/" CONTROL_SOCKET, directory);
		return -1;
	}
	return take_fd(&fd);
}

void
sockets_remove_control(const char *directory)
{
	AUTO_FD directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (directory_fd >= 0)
		unlinkat(directory_fd, CONTROL_SOCKET, 0);
}
