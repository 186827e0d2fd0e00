/* SPDX-License-Identifier: BSD-2-Clause */
/* index_sql.h: schema/index.sql as a string; the C file is made by schema/rules.mk. */
#ifndef PROCREC_SCHEMA_INDEX_SQL_H
#define PROCREC_SCHEMA_INDEX_SQL_H

extern const char pr_index_sql[];

#endif
