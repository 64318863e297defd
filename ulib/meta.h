/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Memory for the library's own objects that live as long as the process. */
#ifndef HU_META_H
#define HU_META_H

#include "internal.h"

void *hu_meta_alloc(size_t bytes);

#endif /* HU_META_H */
