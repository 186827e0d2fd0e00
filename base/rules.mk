# SPDX-License-Identifier: BSD-2-Clause
$(eval $(call library,base,$(wildcard base/*.c)))
