# SPDX-License-Identifier: BSD-2-Clause
# Terminal manners: colour, width, pager, progress, time zones on a real pty.

OFFLINE_CHECKS += check-terminal
check-terminal: $(O)/procrec ## colour, width, pager, progress and time zones, on a pty; CASE=pattern runs a part of it
	$(Q)PROCREC=$(O)/procrec CC='$(CC)' $(PYTHON) tests/terminal/test_terminal.py

.PHONY: check-terminal
