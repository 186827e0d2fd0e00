# SPDX-License-Identifier: BSD-2-Clause
$(eval $(call library,replay,$(wildcard replay/*.c replay/*/*.c)))
