/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_stop.c: procrec stop: detaches a capture that a killed `record --resume` left pinned. */
#include "base/command.h"
#include "recorder/capture.h"
#include "recorder/commands.h"

int pr_cmd_stop(struct pr_term *term, int argc, char **argv)
{
	const char *pins = PR_PIN_DIR_DEFAULT;
	const struct pr_option options[] = {
		{0, "pin", PR_OPT_STR, &pins, "DIR", "where it is pinned (" PR_PIN_DIR_DEFAULT ")", NULL},
		{0, NULL, PR_OPT_FLAG, NULL, NULL, NULL, NULL},
	};
	const struct pr_usage usage = {
		"stop", "[--pin DIR]",
		"Ends a recording whose recorder (record --resume) was killed. What its ring still holds is lost: to keep that, go\n"
		"on with 'procrec record --resume' and end it there. Exit status: 0; 1 when there is nothing to end.",
		options, 0, 0, false,
	};
	struct pr_errinfo ei;
	int n, err = pr_term_parse(term, &usage, argc, argv, &n, &ei);

	if (!err)
		err = pr_capture_unpin(pins, &ei);
	if (err)
		return pr_report(err, &ei);
	pr_note("ended the recording that was pinned in %s", pins);
	return PR_EXIT_OK;
}
