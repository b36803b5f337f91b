/* model/rtb_target.h: how a buyer is asked, and how its answer is read, as documents. Pure. */
#ifndef MODEL_RTB_TARGET_H
#define MODEL_RTB_TARGET_H

#include "model/schema.h"

#define RTB_HEADERS_MAX 20

extern const struct field rtb_response_fields[];

#endif
