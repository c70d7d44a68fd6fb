/*-------------------------------------------------------------------------
 *
 * times.c
 *	  Timestamps and dates as values of Convex.
 *
 * As numbers they are milliseconds since 1970, what JavaScript's Date counts
 * in; as text ISO 8601 in the form that Date reads, years that do not have
 * four digits expanded: +010000, or -000043 for 44 BC (ECMAScript, Date Time
 * String Format). Without a time zone they are read as UTC.
 *
 *-------------------------------------------------------------------------
 */
#include "value/value.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/float.h"

/* Milliseconds from 1970 to PostgreSQL's epoch, 2000, and in a day. */
#define CM_DAY_MILLISECONDS (USECS_PER_DAY / 1000)
#define CM_EPOCH_MILLISECONDS \
	((POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * CM_DAY_MILLISECONDS)

/* From here on doubles have no fractions. */
#define CM_FIRST_WHOLE_DOUBLE INT64CONST(4503599627370496)

/* infinity or -infinity: the text that PostgreSQL prints, or a number that is
 * infinite. */
static void
write_infinity(CmWriter *writer, bool negative, bool as_text)
{
	if (as_text)
		cm_writer_put_utf8(writer, negative ? "-infinity" : "infinity",
						   negative ? 9 : 8);
	else
		cm_writer_put_double(writer, negative ? -get_float8_infinity() :
							 get_float8_infinity());
}

/*
 * Milliseconds with a fraction, given as microseconds that a double gives back:
 * the decimals that there are say which one, and cost less than its shortest
 * text, which they mostly are.
 */
static void
put_microseconds(CmWriter *writer, int64 microseconds)
{
	char		text[MAXINT8LEN + 6];
	int			length = 0;
	uint64		number = microseconds < 0 ? -microseconds : microseconds;
	int			fraction = number % 1000;

	if (microseconds < 0)
		text[length++] = '-';
	length += pg_ulltoa_n(number / 1000, text + length);
	text[length++] = '.';
	text[length++] = '0' + fraction / 100;
	if (fraction % 100 != 0)
		text[length++] = '0' + fraction / 10 % 10;
	if (fraction % 10 != 0)
		text[length++] = '0' + fraction % 10;
	cm_writer_put_decimal(writer, text, length);
}

/*
 * A timestamp as milliseconds since 1970, with the microseconds as a fraction,
 * if a double gives those back: a whole number of milliseconds must be one
 * that a double holds, which some are not from the year 287396 on; with a
 * fraction, the nearest double must give the same microseconds again when it
 * is multiplied by 1,000 and rounded.
 */
bool
cm_times_write_timestamp_ms(const CmMapping *mapping pg_attribute_unused(),
							Datum value, CmWriter *writer)
{
	Timestamp	timestamp = DatumGetTimestamp(value);
	int64		milliseconds = timestamp / 1000;
	int64		rest = timestamp % 1000;

	if (TIMESTAMP_NOT_FINITE(timestamp))
	{
		write_infinity(writer, TIMESTAMP_IS_NOBEGIN(timestamp), false);
		return true;
	}
	milliseconds += CM_EPOCH_MILLISECONDS;
	if (rest == 0 && llabs(milliseconds) <= CM_MAX_EXACT_INTEGER)
	{
		cm_writer_put_integer(writer, milliseconds);
		return true;
	}
	if (rest == 0 && (int64) (double) milliseconds == milliseconds)
	{
		cm_writer_put_double(writer, (double) milliseconds);
		return true;
	}
	if (rest != 0 && llabs(milliseconds) < CM_FIRST_WHOLE_DOUBLE)
	{
		int64		microseconds = milliseconds * 1000 + rest;
		double		number = microseconds / 1000.0;

		if ((int64) rint(number * 1000.0) == microseconds)
		{
			put_microseconds(writer, microseconds);
			return true;
		}
	}
	return cm_reason_set(writer->reason, "timestamp_not_exact",
						 "the microseconds of a timestamp this far from 1970 cannot be carried as a Convex number");
}

/* Format the date as ISO 8601; returns the length of the text. */
static int
format_date(char *text, size_t room, int year, int month, int day)
{
	return snprintf(text, room, year >= 1 && year <= 9999 ?
					"%04d-%02d-%02d" : "%+07d-%02d-%02d", year, month, day);
}

/* A timestamp as ISO 8601 in UTC. */
bool
cm_times_write_timestamp_iso(const CmMapping *mapping pg_attribute_unused(),
							 Datum value, CmWriter *writer)
{
	Timestamp	timestamp = DatumGetTimestamp(value);
	struct pg_tm tm;
	fsec_t		fraction;
	char		text[64];
	int			length;

	if (TIMESTAMP_NOT_FINITE(timestamp))
	{
		write_infinity(writer, TIMESTAMP_IS_NOBEGIN(timestamp), true);
		return true;
	}
	if (timestamp2tm(timestamp, NULL, &tm, &fraction, NULL, NULL) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	length = format_date(text, sizeof(text), tm.tm_year, tm.tm_mon, tm.tm_mday);
	length += snprintf(text + length, sizeof(text) - length,
					   "T%02d:%02d:%02d.%06d", tm.tm_hour, tm.tm_min,
					   tm.tm_sec, (int) fraction);
	while (text[length - 1] == '0')
		length--;
	if (text[length - 1] == '.')
		length--;
	text[length++] = 'Z';
	cm_writer_put_utf8(writer, text, length);
	return true;
}

/* A date as ISO 8601. */
bool
cm_times_write_date_iso(const CmMapping *mapping pg_attribute_unused(),
						Datum value, CmWriter *writer)
{
	DateADT		date = DatumGetDateADT(value);
	char		text[32];
	int			year;
	int			month;
	int			day;

	if (DATE_NOT_FINITE(date))
	{
		write_infinity(writer, DATE_IS_NOBEGIN(date), true);
		return true;
	}
	j2date(date + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	cm_writer_put_utf8(writer, text,
					   format_date(text, sizeof(text), year, month, day));
	return true;
}

/* A date as milliseconds from 1970 to its midnight, in UTC. */
bool
cm_times_write_date_ms(const CmMapping *mapping pg_attribute_unused(),
					   Datum value, CmWriter *writer)
{
	DateADT		date = DatumGetDateADT(value);

	if (DATE_NOT_FINITE(date))
		write_infinity(writer, DATE_IS_NOBEGIN(date), false);
	else
		cm_writer_put_integer(writer, date * CM_DAY_MILLISECONDS +
							  CM_EPOCH_MILLISECONDS);
	return true;
}

/*
 * The milliseconds since 1970 of a date or a timestamp, the nearest that a
 * double holds. False: of a value that is infinite, or of another type.
 */
bool
cm_times_milliseconds(Oid type, Datum value, double *milliseconds)
{
	Timestamp	timestamp;
	int64		whole;

	if (type == DATEOID)
	{
		if (DATE_NOT_FINITE(DatumGetDateADT(value)))
			return false;
		*milliseconds = ((double) DatumGetDateADT(value) + POSTGRES_EPOCH_JDATE -
						 UNIX_EPOCH_JDATE) * CM_DAY_MILLISECONDS;
		return true;
	}
	if (type != TIMESTAMPOID && type != TIMESTAMPTZOID)
		return false;
	timestamp = DatumGetTimestamp(value);
	if (TIMESTAMP_NOT_FINITE(timestamp))
		return false;
	whole = timestamp / 1000 + CM_EPOCH_MILLISECONDS;
	*milliseconds = llabs(whole) < CM_FIRST_WHOLE_DOUBLE ?
		(whole * 1000 + timestamp % 1000) / 1000.0 : whole;
	return true;
}
