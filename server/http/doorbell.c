/*
 * A doorbell. Rung by any thread and heard by one. Must never be silent while somebody has rung who was not heard.
 */
#include "server/http/doorbell.h"

#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "storage/base/log.h"

bool
doorbell_init(struct doorbell *bell)
{
	atomic_init(&bell->rung, false);
	bell->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return bell->fd >= 0;
}

void
doorbell_finish(struct doorbell *bell)
{
	if (bell->fd >= 0)
		close(bell->fd);
	bell->fd = -1;
}

void
doorbell_ring(struct doorbell *bell)
{
	const uint64_t once = 1;

	if (bell->fd < 0 || atomic_exchange(&bell->rung, true))
		return;
	if (write(bell->fd, &once, sizeof once) < 0)
		log_error("a doorbell cannot be rung: %m");
}

/*
 * Silenced first: who rings before the second line writes nothing, and is heard now; who rings after it writes. The other way round, the
 * write of one who rang in between would be read away, and rung stay set: nobody would ever write again.
 */
void
doorbell_hear(struct doorbell *bell)
{
	uint64_t count;

	if (read(bell->fd, &count, sizeof count) < 0)
		return;
	atomic_exchange(&bell->rung, false);
}
