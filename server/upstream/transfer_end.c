/*
 * What the ends of a transfer mean: a word for metrics, a result for the catalog, and whether the host is to
 * blame. Facts only; any thread.
 */
#include "server/upstream/transfer.h"

const char *
transfer_end_word(enum transfer_end end)
{
	switch (end) {
	case TRANSFER_SERVED:
		return "served";
	case TRANSFER_GONE:
		return "gone";
	case TRANSFER_DENIED:
		return "denied";
	case TRANSFER_BUSY:
		return "busy";
	case TRANSFER_BROKEN:
		return "broken";
	case TRANSFER_NO_NAME:
		return "no_name";
	case TRANSFER_UNREACHABLE:
		return "refused";
	case TRANSFER_TIMED_OUT:
		return "timeout";
	case TRANSFER_CUT:
		return "cut";
	case TRANSFER_UNUSABLE:
		return "unusable";
	case TRANSFER_TOO_LARGE:
		return "too_large";
	case TRANSFER_FORBIDDEN:
	case TRANSFER_NOT_ALLOWED:
		return "forbidden";
	case TRANSFER_REFUSED_HERE:
		return "not_taken";
	}
	__builtin_unreachable();
}

enum origin_result
transfer_end_result(enum transfer_end end)
{
	if (end == TRANSFER_NOT_ALLOWED)
		return ORIGIN_UNTRIED;
	return end == TRANSFER_GONE || end == TRANSFER_NO_NAME ? ORIGIN_GONE : ORIGIN_FAILED;
}

bool
transfer_end_blames_host(enum transfer_end end)
{
	return end == TRANSFER_BROKEN || end == TRANSFER_NO_NAME || end == TRANSFER_UNREACHABLE ||
	       end == TRANSFER_TIMED_OUT || end == TRANSFER_CUT;
}

bool
transfer_end_is_answer(enum transfer_end end)
{
	return end == TRANSFER_SERVED || end == TRANSFER_GONE || end == TRANSFER_DENIED ||
	       end == TRANSFER_UNUSABLE || end == TRANSFER_TOO_LARGE || end == TRANSFER_REFUSED_HERE;
}
