/* SPDX-License-Identifier: GPL-2.0-only */
/* DEFINE(100) … DEFINE(299): two hundred functions that differ in a number. */
#define TEN(n) \
	DEFINE(n##0) DEFINE(n##1) DEFINE(n##2) DEFINE(n##3) DEFINE(n##4) \
	DEFINE(n##5) DEFINE(n##6) DEFINE(n##7) DEFINE(n##8) DEFINE(n##9)
#define HUNDRED(n) \
	TEN(n##0) TEN(n##1) TEN(n##2) TEN(n##3) TEN(n##4) \
	TEN(n##5) TEN(n##6) TEN(n##7) TEN(n##8) TEN(n##9)
#define TWO_HUNDRED HUNDRED(1) HUNDRED(2)
