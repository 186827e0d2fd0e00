# SPDX-License-Identifier: BSD-2-Clause
# The second opinion: the model's own tests, then procrec against the model on random streams.

# With sanitizers a process costs many times more: fewer streams; fewer also in check-offline, which is run often.
MODEL_SEEDS ?= $(if $(SAN),200,$(if $(filter check-offline,$(MAKECMDGOALS)),400,2000))
MODEL_FRAMES ?= 250

OFFLINE_CHECKS += check-model
SAN_CHECKS += check-model
check-model: $(O)/procrec ## procrec against the Python model on random streams (MODEL_SEEDS=2000 MODEL_FRAMES=250)
	$(Q)$(PYTHON) -B tests/model/test_model.py -q 2>&1
	$(Q)$(PYTHON) -B tests/model/compare.py --procrec $(O)/procrec --seeds $(MODEL_SEEDS) --frames $(MODEL_FRAMES)

check-mutation: ## break the decoder and the cache, one token at a time: do the tests notice?
	$(Q)$(PYTHON) -B tests/model/mutate.py $(MUTATE_ARGS)

.PHONY: check-model check-mutation
