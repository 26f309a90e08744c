/* SPDX-License-Identifier: GPL-2.0-only */
int call_other_twin(char *buf);
