/* Seeded bug: what is sent while it comes is sent without its length, in chunks. */
#include <microhttpd.h>

struct MHD_Response *__real_MHD_create_response_from_callback(uint64_t size, size_t block,
        MHD_ContentReaderCallback read, void *context, MHD_ContentReaderFreeCallback end);
struct MHD_Response *__wrap_MHD_create_response_from_callback(uint64_t size, size_t block,
        MHD_ContentReaderCallback read, void *context, MHD_ContentReaderFreeCallback end);

struct MHD_Response *
__wrap_MHD_create_response_from_callback(uint64_t size, size_t block, MHD_ContentReaderCallback read,
        void *context, MHD_ContentReaderFreeCallback end)
{
	(void)size;
	return __real_MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, block, read, context, end);
}
