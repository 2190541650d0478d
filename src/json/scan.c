#include "json/scan.h"

#include "json/magnitude.h"
#include "json/utf8.h"

enum { MOST_CJSON_NUMBER_LEN = 63 };

/* What may come next. */
enum expected {
    VALUE,
    VALUE_OR_END, /* after [ */
    KEY,
    KEY_OR_END, /* after { */
    COMMA_OR_END
};

struct scanner {
    const char *at, *end;
    const optly__scan_rules *rules;
    optly__writer *out; /* may be NULL */
    unsigned depth;
    unsigned char is_object[OPTLY__SCAN_MOST_DEPTH / 8]; /* a bit a level */
};

static void emit(struct scanner *scanner, const char *text, size_t len)
{
    if (scanner->out != NULL)
        optly__write_raw(scanner->out, text, len);
}

/* The next byte, or NUL, which no rule accepts, at the end. */
static char peek(const struct scanner *scanner)
{
    return scanner->at < scanner->end ? *scanner->at : '\0';
}

static void skip_space(struct scanner *scanner)
{
    char next = peek(scanner);

    while (next == ' ' || next == '\t' || next == '\n' || next == '\r') {
        scanner->at++;
        next = peek(scanner);
    }
}

/* Takes the punctuation mark that comes next. */
static void take(struct scanner *scanner)
{
    emit(scanner, scanner->at, 1);
    scanner->at++;
}

static bool is_digit(char character)
{
    return character >= '0' && character <= '9';
}

/* One digit or more; false if there is none. */
static bool scan_digits(struct scanner *scanner, optly__magnitude *magnitude,
                        bool is_whole)
{
    if (!is_digit(peek(scanner)))
        return false;
    for (; is_digit(peek(scanner)); scanner->at++)
        optly__magnitude_add(magnitude, *scanner->at, is_whole);
    return true;
}

static bool scan_exponent(struct scanner *scanner, int64_t *point)
{
    const int64_t most = 1000000000000; /* beyond the digits of any text */
    int64_t exponent = 0;
    bool is_negative;

    scanner->at++; /* e or E */
    is_negative = peek(scanner) == '-';
    if (is_negative || peek(scanner) == '+')
        scanner->at++;
    if (!is_digit(peek(scanner)))
        return false;
    for (; is_digit(peek(scanner)); scanner->at++) {
        if (exponent < most)
            exponent = exponent * 10 + (*scanner->at - '0');
    }
    *point += is_negative ? -exponent : exponent;
    return true;
}

static bool scan_number(struct scanner *scanner)
{
    const char *start = scanner->at;
    optly__magnitude magnitude = {.count = 0, .point = 0};
    size_t len;

    if (peek(scanner) == '-')
        scanner->at++;
    if (peek(scanner) == '0')
        scanner->at++;
    else if (!scan_digits(scanner, &magnitude, true))
        return false;
    if (peek(scanner) == '.') {
        scanner->at++;
        if (!scan_digits(scanner, &magnitude, false))
            return false;
    }
    if ((peek(scanner) == 'e' || peek(scanner) == 'E') &&
        !scan_exponent(scanner, &magnitude.point))
        return false;
    len = (size_t)(scanner->at - start);
    if (!optly__magnitude_fits_double(&magnitude) ||
        (scanner->rules->suits_cjson && len > MOST_CJSON_NUMBER_LEN))
        return false;
    emit(scanner, start, len);
    return true;
}

/* The value of the four digits after \u, or -1. */
static int32_t read_hex(const struct scanner *scanner, const char *at)
{
    int32_t value = 0;

    if (scanner->end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char digit = at[i];

        value *= 16;
        if (is_digit(digit))
            value += digit - '0';
        else if (digit >= 'a' && digit <= 'f')
            value += digit - 'a' + 10;
        else if (digit >= 'A' && digit <= 'F')
            value += digit - 'A' + 10;
        else
            return -1;
    }
    return value;
}

static bool is_low_surrogate(int32_t unit)
{
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

/* `at` is behind a high surrogate. */
static bool low_surrogate_follows(const struct scanner *scanner, const char *at)
{
    return scanner->end - at >= 6 && at[0] == '\\' && at[1] == 'u' &&
           is_low_surrogate(read_hex(scanner, at + 2));
}

static bool scan_unicode_escape(struct scanner *scanner)
{
    const char *start = scanner->at;
    int32_t unit = read_hex(scanner, start + 2);
    size_t size = 6;

    if (unit < 0 || (unit == 0 && scanner->rules->suits_cjson))
        return false;
    if (unit >= 0xD800 && unit <= 0xDBFF &&
        low_surrogate_follows(scanner, start + 6))
        size = 12;
    if (size == 12 || unit < 0xD800 || unit > 0xDFFF)
        emit(scanner, start, size);
    else if (!scanner->rules->suits_cjson && !scanner->rules->is_final)
        emit(scanner, OPTLY__UTF8_REPLACEMENT,
             sizeof(OPTLY__UTF8_REPLACEMENT) - 1);
    else
        return false;
    scanner->at += size;
    return true;
}

static bool scan_escape(struct scanner *scanner)
{
    char name = scanner->end - scanner->at < 2 ? '\0' : scanner->at[1];

    if (name == 'u')
        return scan_unicode_escape(scanner);
    if (name == '\0' || strchr("\"\\/bfnrt", name) == NULL)
        return false;
    emit(scanner, scanner->at, 2);
    scanner->at += 2;
    return true;
}

static bool scan_non_ascii(struct scanner *scanner)
{
    size_t size =
        optly__utf8_length(scanner->at, (size_t)(scanner->end - scanner->at));

    if (size == 0) {
        if (scanner->rules->is_final)
            return false;
        emit(scanner, OPTLY__UTF8_REPLACEMENT,
             sizeof(OPTLY__UTF8_REPLACEMENT) - 1);
        scanner->at++;
        return true;
    }
    emit(scanner, scanner->at, size);
    scanner->at += size;
    return true;
}

/* Takes the bytes that need no look of their own. */
static void scan_plain(struct scanner *scanner)
{
    const char *start = scanner->at;

    while (scanner->at < scanner->end) {
        unsigned char byte = (unsigned char)*scanner->at;

        if (byte < 0x20 || byte >= 0x80 || byte == '"' || byte == '\\')
            break;
        scanner->at++;
    }
    emit(scanner, start, (size_t)(scanner->at - start));
}

static bool scan_string(struct scanner *scanner)
{
    if (peek(scanner) != '"')
        return false;
    take(scanner);
    for (;;) {
        unsigned char byte;

        scan_plain(scanner);
        byte = (unsigned char)peek(scanner);
        if (byte < 0x20)
            return false;
        if (byte == '"')
            break;
        if (!(byte >= 0x80 ? scan_non_ascii(scanner) : scan_escape(scanner)))
            return false;
    }
    take(scanner);
    return true;
}

static bool scan_word(struct scanner *scanner, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(scanner->end - scanner->at) < len ||
        memcmp(scanner->at, word, len) != 0)
        return false;
    emit(scanner, word, len);
    scanner->at += len;
    return true;
}

static bool is_in_object(const struct scanner *scanner)
{
    unsigned level = scanner->depth - 1;

    return (scanner->is_object[level / 8] >> (level % 8) & 1) != 0;
}

static bool open(struct scanner *scanner, enum expected *expected)
{
    bool is_object = peek(scanner) == '{';
    unsigned level = scanner->depth, bit = 1u << (level % 8);
    unsigned char *byte = &scanner->is_object[level / 8];

    if (level >= scanner->rules->most_depth)
        return false;
    *byte = (unsigned char)(is_object ? *byte | bit : *byte & ~bit);
    scanner->depth++;
    take(scanner);
    *expected = is_object ? KEY_OR_END : VALUE_OR_END;
    return true;
}

static bool close(struct scanner *scanner, enum expected *expected)
{
    if (peek(scanner) != (is_in_object(scanner) ? '}' : ']'))
        return false;
    take(scanner);
    scanner->depth--;
    *expected = COMMA_OR_END;
    return true;
}

static bool scan_value(struct scanner *scanner, enum expected *expected)
{
    *expected = COMMA_OR_END;
    switch (peek(scanner)) {
    case '{':
    case '[':
        return open(scanner, expected);
    case '"':
        return scan_string(scanner);
    case 't':
        return scan_word(scanner, "true");
    case 'f':
        return scan_word(scanner, "false");
    case 'n':
        return scan_word(scanner, "null");
    default:
        return scan_number(scanner);
    }
}

static bool scan_key(struct scanner *scanner, enum expected *expected)
{
    if (!scan_string(scanner))
        return false;
    skip_space(scanner);
    if (peek(scanner) != ':')
        return false;
    take(scanner);
    *expected = VALUE;
    return true;
}

static bool scan_comma(struct scanner *scanner, enum expected *expected)
{
    if (peek(scanner) != ',')
        return close(scanner, expected);
    take(scanner);
    *expected = is_in_object(scanner) ? KEY : VALUE;
    return true;
}

static bool scan_next(struct scanner *scanner, enum expected *expected)
{
    switch (*expected) {
    case VALUE_OR_END:
        if (peek(scanner) == ']')
            return close(scanner, expected);
        return scan_value(scanner, expected);
    case VALUE:
        return scan_value(scanner, expected);
    case KEY_OR_END:
        if (peek(scanner) == '}')
            return close(scanner, expected);
        return scan_key(scanner, expected);
    case KEY:
        return scan_key(scanner, expected);
    case COMMA_OR_END:
        break;
    }
    return scan_comma(scanner, expected);
}

static bool scan_all(struct scanner *scanner)
{
    enum expected expected = VALUE;

    skip_space(scanner);
    if (peek(scanner) != '{' && peek(scanner) != '[')
        return false;
    do {
        if (!scan_next(scanner, &expected))
            return false;
        skip_space(scanner);
    } while (scanner->depth > 0);
    return scanner->at == scanner->end;
}

bool optly__scan_json(const char *text, size_t len,
                      const optly__scan_rules *rules, optly__writer *out,
                      size_t *offset)
{
    struct scanner scanner = {
        .at = text, .end = text + len, .rules = rules, .out = out};
    bool is_valid = scan_all(&scanner);

    if (!is_valid && offset != NULL)
        *offset = (size_t)(scanner.at - text);
    return is_valid;
}
