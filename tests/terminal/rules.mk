# SPDX-License-Identifier: BSD-2-Clause
# Terminal manners: colour, width, pager, progress, time zones on a real pty; and the completions in their own shells.

OFFLINE_CHECKS += check-terminal check-completion
check-terminal: $(O)/procrec ## colour, width, pager, progress and time zones, on a pty; CASE=pattern runs a part of it
	$(Q)PROCREC=$(O)/procrec CC='$(CC)' $(PYTHON) tests/terminal/test_terminal.py

check-completion: $(O)/procrec ## the completions in bash, zsh and fish
	$(Q)PROCREC=$(O)/procrec $(PYTHON) tests/terminal/test_completion.py

.PHONY: check-terminal check-completion
