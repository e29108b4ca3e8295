/*
 * Status: what larder says about itself, to machines that watch it and to people. All of these are handlers.
 */
#ifndef SERVER_ADMIN_STATUS_H
#define SERVER_ADMIN_STATUS_H

#include "server/http/request.h"

handler_fn status_healthz; /* 200 while the process can answer */
handler_fn status_readyz;  /* 200, or 503 with what is wrong; JSON */
handler_fn status_version; /* JSON */
handler_fn status_status;  /* figures of every part; JSON */
handler_fn status_metrics; /* Prometheus text */
handler_fn status_page;    /* "/": a page for people (status_page.c) */

/* "http://…": how this larder is called, as far as the request tells; fit for HTML and XML. */
void status_add_own_address(const struct request *request, struct text *ret);

#define FETCHER_TURN_MAX_MS 10000 /* a fetcher whose loop has not turned for this long counts as dead */

#endif
