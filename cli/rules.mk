# SPDX-License-Identifier: BSD-2-Clause
$(eval $(call library,cli,$(wildcard cli/*.c)))
