/*-------------------------------------------------------------------------
 *
 * number.c
 *	  Whether a decimal number survives being a Convex number, a double.
 *
 * A text is exact when JavaScript prints the same number for the double that
 * it is read as. JavaScript prints the shortest text that reads back as the
 * same double, and of those with as many digits the closest to it (ECMAScript,
 * Number::toString). Needs nothing of PostgreSQL, so that a fuzzer can drive
 * it.
 *
 *-------------------------------------------------------------------------
 */
#include "value/value.h"

#include <float.h>
#include <math.h>

/* A decimal of up to this many digits survives a double, as long as that has
 * its full precision; no text with more than CM_MAX_DIGITS is the shortest. */
#define CM_SAFE_DIGITS		DBL_DIG
#define CM_MAX_DIGITS		17

/* Decimal exponents within which doubles have their full precision. */
#define CM_SAFE_EXPONENT	290

/* Exponents are clamped to this: far beyond any double. */
#define CM_MAX_EXPONENT		100000000

/* 0.digits times ten to the exponent; no digits: zero. */
typedef struct CmDecimal
{
	char		digits[CM_MAX_DIGITS + 1];
	int			ndigits;		/* CM_MAX_DIGITS + 1: more */
	int64		exponent;
} CmDecimal;

/* The number behind an "e", clamped so that it cannot overflow. */
static int64
read_exponent(const char *p, const char *end)
{
	bool		negative = p < end && *p == '-';
	int64		exponent = 0;

	if (p < end && (*p == '-' || *p == '+'))
		p++;
	for (; p < end && *p >= '0' && *p <= '9'; p++)
		exponent = Min(exponent * 10 + (*p - '0'), CM_MAX_EXPONENT);
	return negative ? -exponent : exponent;
}

/*
 * Read a decimal text, its sign aside: digits without zeros on either side,
 * and where the point is.
 */
static void
read_decimal(const char *text, int length, CmDecimal *decimal)
{
	const char *end = text + length;
	bool		after_point = false;
	int			zeros = 0;		/* since the last digit that is not 0 */

	decimal->ndigits = 0;
	decimal->exponent = 0;
	for (const char *p = text; p < end; p++)
	{
		if (*p == 'e' || *p == 'E')
		{
			decimal->exponent += read_exponent(p + 1, end);
			break;
		}
		if (*p == '.')
			after_point = true;
		if (*p < '0' || *p > '9')
			continue;
		if (decimal->ndigits == 0 && *p == '0')
		{
			/* leading: no digit, but behind the point it moves the rest */
			decimal->exponent -= after_point;
			continue;
		}
		decimal->exponent += !after_point;
		if (*p == '0')
		{
			zeros++;
			continue;
		}
		if (decimal->ndigits + zeros >= CM_MAX_DIGITS)
		{
			decimal->ndigits = CM_MAX_DIGITS + 1;
			zeros = 0;
			continue;
		}
		for (; zeros > 0; zeros--)
			decimal->digits[decimal->ndigits++] = '0';
		decimal->digits[decimal->ndigits++] = *p;
	}
}

/* Whether the value, rounded to n digits, is the decimal. */
static bool
prints_as(double value, int ndigits, const CmDecimal *decimal)
{
	char		text[32];
	CmDecimal	printed;

	read_decimal(text, snprintf(text, sizeof(text), "%.*e", ndigits - 1, value),
				 &printed);
	return printed.ndigits == decimal->ndigits &&
		printed.exponent == decimal->exponent &&
		memcmp(printed.digits, decimal->digits, decimal->ndigits) == 0;
}

/* Whether the text of n digits that is closest to the value is read as it. */
static bool
closest_survives(double value, int ndigits)
{
	char		text[32];

	snprintf(text, sizeof(text), "%.*e", ndigits - 1, value);
	return strtod(text, NULL) == value;
}

/*
 * Whether the next text of n digits above that one is read as the value. A
 * power of two has twice as much room above it as below it, so this can be so
 * although the closest text is read as another double.
 */
static bool
next_survives(double value, int ndigits)
{
	char		text[32];
	char	   *p = text;
	int64		digits = 0;

	snprintf(text, sizeof(text), "%.*e", ndigits - 1, value);
	for (; *p != 'e'; p++)
	{
		if (*p != '.')
			digits = digits * 10 + (*p - '0');
	}
	snprintf(text, sizeof(text), INT64_FORMAT "e%d", digits + 1,
			 atoi(p + 1) - (ndigits - 1));
	return strtod(text, NULL) == value;
}

/*
 * Whether a finite decimal text, as numeric or JSON have it, is the same
 * number after it was a double. The text must be followed by something that
 * is not part of a number, such as its NUL.
 *
 * Let v be the double that the decimal d, of n digits, is read as. JavaScript
 * prints d if no text with fewer digits is read as v, and if d is the closest
 * of those with n digits that are.
 *
 * Fewer digits: a text with fewer is also one with n - 1, by zeros at its end.
 * If any is read as v, then the closest to v is, or, when that is below v and
 * v is a power of two, the next one, above v. So two are tried.
 *
 * As many digits: d is printed if it is v rounded to n digits, for then no
 * other text is closer. If it is not, let c be v rounded to n digits. If c is
 * read as v, JavaScript prints c, and d is lost. If c is read as another
 * double, then d is printed: c must be below v, which is a power of two, since
 * otherwise d, which is no closer, would be read as another double too. Let u
 * be the distance from v to the next double above. What is read as v lies
 * between v - u/4 and v + u/2, so c, and with it every text below v, is not.
 * The first text above v is at least as far from v as c, so texts of n digits
 * are more than u/4 + u/4 apart, and only one is in the u/2 above v: d.
 *
 * Such a power is 2^-44, 5.6843418860808014869...e-14. With 16 digits it is
 * rounded to ...801e-14, which is read as the double below; ...802e-14 is read
 * as 2^-44, and JavaScript prints that. It is exact, although "%.15e" says
 * otherwise.
 */
bool
cm_number_is_exact(const char *text, int length)
{
	CmDecimal	decimal;
	double		value;

	read_decimal(text, length, &decimal);
	if (decimal.ndigits == 0)
		return true;
	if (decimal.ndigits > CM_MAX_DIGITS)
		return false;
	if (decimal.ndigits <= CM_SAFE_DIGITS &&
		decimal.exponent < CM_SAFE_EXPONENT &&
		decimal.exponent > -CM_SAFE_EXPONENT)
		return true;
	value = fabs(strtod(text, NULL));
	if (isinf(value) || value == 0)
		return false;
	/* fewer digits */
	if (decimal.ndigits > 1 &&
		(closest_survives(value, decimal.ndigits - 1) ||
		 next_survives(value, decimal.ndigits - 1)))
		return false;
	/* as many digits */
	return prints_as(value, decimal.ndigits, &decimal) ||
		!closest_survives(value, decimal.ndigits);
}
