/*
 * Any bytes as a configuration file: a configuration or a mistake with its line, never a crash.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "server/config.h"
#include "storage/base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = xstrndup((const char *)data, size);
	struct err err = ERR_NONE;
	struct config *config = config_parse("fuzz", text, NULL, 0, &err);

	assert((config == NULL) == (err.code == ERR_CONFIG));
	assert(config == NULL ||
	        (config->listen.count > 0 && config->workers > 0 && config->store[0] != '\0'));
	config_destroy(config);
	return 0;
}
