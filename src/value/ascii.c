/*-------------------------------------------------------------------------
 *
 * ascii.c
 *	  Names in ASCII: letters, digits and underscores, recognisable.
 *
 * Accents are taken off by compatibility decomposition (NFKD); Latin letters
 * without one, Greek, Cyrillic and Hangul have a table of what stands for them.
 * Any other letter becomes its code point, "u7528": not readable, but one's own,
 * the same everywhere, and found in a character map. The tables are ours, since
 * those of a C library or of ICU differ between machines, and names in Convex
 * must not. Signs and spaces become underscores.
 *
 *-------------------------------------------------------------------------
 */
#include "value/value.h"

#include <ctype.h>

#include "common/unicode_norm.h"
#include "mb/pg_wchar.h"

/* Letters of an alphabet, one after the other from a code point on. */
typedef struct CmAlphabet
{
	pg_wchar	first;
	const char *letters;		/* each between two spaces; "-" for nothing,
								 * "." for one that has no letters */
} CmAlphabet;

/*
 * Capitals and small letters have tables of their own where they do not lie a
 * constant apart. Cyrillic as in passports (ICAO Doc 9303), but with "y" for
 * U+0439 decomposed, which is "i". Hangul is decomposed into its jamo: initial
 * consonants, vowels, final consonants by the Revised Romanization.
 */
static const CmAlphabet alphabets[] = {
	{0x00c6, " AE "}, {0x00d0, " D "}, {0x00d8, " O "}, {0x00de, " Th ss "},
	{0x00e6, " ae "}, {0x00f0, " d "}, {0x00f8, " o "}, {0x00fe, " th "},
	{0x0110, " D d "}, {0x0126, " H h "}, {0x0131, " i "}, {0x0138, " k "},
	{0x0141, " L l "}, {0x014a, " Ng ng "}, {0x0152, " Oe oe "}, {0x0166, " T t "},
	{0x0391, " A V G D E Z I Th I K L M N X O P R . S T Y F Ch Ps O "},
	{0x03b1, " a v g d e z i th i k l m n x o p r s s t y f ch ps o "},
	{0x0402, " Dj . Ye Dz I . J Lj Nj C . . . Dz "},
	{0x0410, " A B V G D E Zh Z I I K L M N O P R S T U F Kh Ts Ch Sh Shch - Y - E Yu Ya "},
	{0x0430, " a b v g d e zh z i i k l m n o p r s t u f kh ts ch sh shch - y - e yu ya "},
	{0x0452, " dj . ye dz i . j lj nj c . . . dz "},
	{0x0490, " G g "},
	{0x1100, " g kk n d tt r m b pp s ss - j jj ch k t p h "},
	{0x1161, " a ae ya yae eo e yeo ye o wa wae oe yo u wo we wi yu eu ui i "},
	{0x11a8, " k k k n n n t l k m l l l p l m p p t t ng t t k t p t "},
};

/* Whether the character is neither a letter nor a digit: in Latin-1, among
 * general and supplementary punctuation and symbols, or of CJK's and full width. */
static bool
is_sign(pg_wchar c)
{
	return (c < 0x00c0 && c != 0x00aa && c != 0x00b5 && c != 0x00ba) ||
		c == 0x00d7 || c == 0x00f7 ||
		(c >= 0x02b0 && c <= 0x02ff) || (c >= 0x2000 && c <= 0x2bff) ||
		(c >= 0x2e00 && c <= 0x2e7f) || (c >= 0x3000 && c <= 0x3004) ||
		(c >= 0x3007 && c <= 0x3020) || (c >= 0xe000 && c <= 0xf8ff) ||
		(c >= 0xfe00 && c <= 0xfe6f) || (c >= 0x1f000 && c <= 0x1faff);
}

/* Append what stands for the letter in its alphabet; false when none has it. */
static bool
append_letter(StringInfo out, pg_wchar c)
{
	for (int i = 0; i < (int) lengthof(alphabets); i++)
	{
		const char *letter = alphabets[i].letters + 1;
		int			length;

		if (c < alphabets[i].first)
			return false;
		for (pg_wchar at = alphabets[i].first; at < c && *letter; at++)
			letter += strcspn(letter, " ") + 1;
		length = strcspn(letter, " ");
		if (length == 0)
			continue;			/* the alphabet ends before it */
		if (*letter == '.')
			return false;
		if (*letter != '-')
			appendBinaryStringInfo(out, letter, length);
		return true;
	}
	return false;
}

/* Append one character of a decomposed name. */
static void
append_character(StringInfo out, pg_wchar c)
{
	if (c < 128)
		appendStringInfoChar(out, isalnum(c) ? (char) c : '_');
	else if (c >= 0x0300 && c <= 0x036f)
		return;					/* an accent */
	else if (is_sign(c))
		appendStringInfoChar(out, '_');
	else if (!append_letter(out, c))
		appendStringInfo(out, "u%04x", c);
}

/* The characters of the name, decomposed, until a zero; palloc'd. */
static pg_wchar *
decompose(const char *name)
{
	int			length = strlen(name);
	const char *utf8 = cm_utf8_from_database(name, &length);
	pg_wchar   *wide = palloc((length + 1) * sizeof(pg_wchar));

	if (utf8 != NULL)
	{
		pg_encoding_mb2wchar_with_len(PG_UTF8, utf8, wide, length);
		return unicode_normalize(UNICODE_NFKD, wide);
	}
	/* bytes that are no characters stand for themselves */
	for (int i = 0; i < length; i++)
		wide[i] = (unsigned char) name[i];
	wide[length] = 0;
	return wide;
}

/*
 * The name in ASCII letters, digits and underscores; palloc'd. One that has
 * nothing but signs is made of their code points.
 */
char *
cm_ascii_of_name(const char *name)
{
	pg_wchar   *characters = decompose(name);
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 0; characters[i] != 0; i++)
		append_character(&out, characters[i]);
	if (strspn(out.data, "_") < (size_t) out.len)
		return out.data;
	resetStringInfo(&out);
	for (int i = 0; characters[i] != 0; i++)
		appendStringInfo(&out, "u%04x", characters[i]);
	return out.data;
}
