# SPDX-License-Identifier: BSD-2-Clause
# Events in SQL, and the extension of SQLite: against `replay --json`, through the sqlite3 shell and through Python.

# A library with sanitizers wants their own library to be there first.
ifneq ($(SAN),)
SQL_PRELOAD = $(shell $(CC) -print-file-name=libasan.so)
endif

OFFLINE_CHECKS += check-sql
SAN_CHECKS += check-sql
check-sql: $(O)/procrec $(O)/procrec.so $(O)/tests/bench/gen_trace ## SQL over events, and the extension in the sqlite3 shell and in Python
	$(Q)PRELOAD=$(SQL_PRELOAD) $(PYTHON) -B tests/sql/test_sql.py $(O)/procrec $(O)/procrec.so $(O)/tests/bench/gen_trace

.PHONY: check-sql
