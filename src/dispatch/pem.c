#include "dispatch/pem.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"

/* The largest bundles in use have a few hundred KiB. */
enum { MAX_PEM_BYTES = 16 << 20 };

/* The text between two markers of one block. */
struct block {
    const char *label, *body, *end;
    size_t label_len;
};

static const char *find(const char *from, const char *end, const char *what)
{
    return memmem(from, (size_t)(end - from), what, strlen(what));
}

/* Finds the next block from `*at` on and moves `*at` behind it. */
static bool next_block(const char **at, const char *end, struct block *block)
{
    const char *begin = find(*at, end, "-----BEGIN ");
    const char *label_end;

    if (begin == NULL)
        return false;
    block->label = begin + strlen("-----BEGIN ");
    label_end = find(block->label, end, "-----");
    if (label_end == NULL)
        return false;
    block->label_len = (size_t)(label_end - block->label);
    block->body = label_end + strlen("-----");
    block->end = find(block->body, end, "-----END ");
    if (block->end == NULL)
        return false;
    *at = block->end + strlen("-----END ");
    return true;
}

static bool has_label(const struct block *block, const char *label)
{
    return block->label_len == strlen(label) &&
           memcmp(block->label, label, block->label_len) == 0;
}

static int base64_digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = c != '\0' ? strchr(digits, c) : NULL;

    return found != NULL ? (int)(found - digits) : -1;
}

/* Decodes the body; keeps the first bytes, returns how many there are, or 0
 * when it is no base64. */
static size_t decode(const struct block *block, unsigned char *first,
                     size_t room)
{
    unsigned bits = 0, value = 0;
    size_t count = 0;

    for (const char *c = block->body; c < block->end && *c != '='; c++) {
        int digit = base64_digit(*c);

        if (*c == '\n' || *c == '\r' || *c == ' ' || *c == '\t')
            continue;
        if (digit < 0)
            return 0;
        value = (value << 6 | (unsigned)digit) & 0xffff;
        bits += 6;
        if (bits < 8)
            continue;
        bits -= 8;
        if (count < room)
            first[count] = (unsigned char)(value >> bits);
        count++;
    }
    return count;
}

/* Whether the block holds one whole DER sequence, as certificates are. */
static bool is_der_sequence(const struct block *block)
{
    unsigned char head[6];
    size_t count = decode(block, head, sizeof(head));
    size_t length = 0, length_bytes;

    if (count < sizeof(head) || head[0] != 0x30)
        return false;
    if (head[1] < 0x80)
        return count == 2u + head[1];
    length_bytes = head[1] & 0x7fu;
    if (length_bytes < 1 || length_bytes > 4)
        return false;
    for (size_t i = 0; i < length_bytes; i++)
        length = length << 8 | head[2 + i];
    return count == 2 + length_bytes + length;
}

static optly_status check_certificates(const char *pem, size_t len,
                                       const char *field, optly_error *err)
{
    const char *at = pem;
    struct block block;
    size_t found = 0;

    while (next_block(&at, pem + len, &block)) {
        if (has_label(&block, "TRUSTED CERTIFICATE")) {
            found++; /* a certificate and more: not for us to measure */
        } else if (has_label(&block, "CERTIFICATE") ||
                   has_label(&block, "X509 CERTIFICATE")) {
            found++;
            if (!is_der_sequence(&block))
                return optly__fail(err, OPTLY_ERR_INVALID,
                                   "%s: certificate %zu is damaged", field,
                                   found);
        }
    }
    if (found == 0)
        return optly__fail(err, OPTLY_ERR_INVALID,
                           "%s: has no certificate in PEM form", field);
    return OPTLY_OK;
}

static optly_status check_key(const char *pem, size_t len, const char *field,
                              optly_error *err)
{
    static const char suffix[] = "PRIVATE KEY";
    const char *at = pem;
    struct block block;

    while (next_block(&at, pem + len, &block)) {
        size_t before = block.label_len - (sizeof(suffix) - 1);

        if (block.label_len < sizeof(suffix) - 1 ||
            memcmp(block.label + before, suffix, sizeof(suffix) - 1) != 0)
            continue;
        /* OpenSSL would ask for the passphrase on the terminal. */
        if (has_label(&block, "ENCRYPTED PRIVATE KEY") ||
            find(block.body, block.end, "ENCRYPTED") != NULL)
            return optly__fail(err, OPTLY_ERR_INVALID,
                               "%s: the key is encrypted, and there is no "
                               "passphrase to give",
                               field);
        return OPTLY_OK;
    }
    return optly__fail(err, OPTLY_ERR_INVALID,
                       "%s: has no private key in PEM form", field);
}

static optly_status measure_file(const char *path, const char *field,
                                 size_t *size, optly_error *err)
{
    struct stat about;

    if (stat(path, &about) != 0 || !S_ISREG(about.st_mode))
        return optly__fail(err, OPTLY_ERR_INVALID,
                           "%s: is not a file that can be read", field);
    if (about.st_size < 1 || about.st_size > MAX_PEM_BYTES)
        return optly__fail(err, OPTLY_ERR_INVALID,
                           "%s: is empty or larger than 16 MiB", field);
    *size = (size_t)about.st_size;
    return OPTLY_OK;
}

/* Returns how many bytes there were; 0: it cannot be read. */
static size_t read_file(const char *path, char *content, size_t size)
{
    FILE *file = fopen(path, "re");
    size_t len;

    if (file == NULL)
        return 0;
    (void)setvbuf(file, NULL, _IONBF, 0); /* no second copy of a key */
    len = fread(content, 1, size, file);
    (void)fclose(file);
    return len;
}

typedef optly_status (*pem_check)(const char *pem, size_t len,
                                  const char *field, optly_error *err);

static optly_status check_file(const char *path, const char *field,
                               pem_check check, optly_error *err)
{
    char *content;
    size_t size = 0, len;
    /* A pipe would block, so look before opening it. */
    optly_status status = measure_file(path, field, &size, err);

    if (status != OPTLY_OK)
        return status;
    content = optly__alloc(size);
    if (content == NULL)
        return optly__fail_memory(err);
    len = read_file(path, content, size);
    if (len > 0)
        status = check(content, len, field, err);
    else
        status =
            optly__fail(err, OPTLY_ERR_INVALID, "%s: cannot be read", field);
    explicit_bzero(content, size); /* it may be a key */
    optly__free(content);
    return status;
}

optly_status optly__pem_check_certificates(const char *path, const char *field,
                                           optly_error *err)
{
    return check_file(path, field, check_certificates, err);
}

optly_status optly__pem_check_blob(const char *pem, size_t len,
                                   const char *field, optly_error *err)
{
    return check_certificates(pem, len, field, err);
}

optly_status optly__pem_check_key(const char *path, const char *field,
                                  optly_error *err)
{
    return check_file(path, field, check_key, err);
}

optly_status optly__pem_check_directory(const char *path, const char *field,
                                        optly_error *err)
{
    struct stat about;

    if (stat(path, &about) != 0 || !S_ISDIR(about.st_mode) ||
        access(path, R_OK | X_OK) != 0)
        return optly__fail(err, OPTLY_ERR_INVALID,
                           "%s: is not a directory that can be read", field);
    return OPTLY_OK;
}
