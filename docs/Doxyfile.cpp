# The reference of the C++ layer. Its members say what those of C do, so one
# without a comment is no warning here.
@INCLUDE               = docs/Doxyfile
PROJECT_NAME           = "optly-event for C++"
INPUT                  = include/optly
FILE_PATTERNS          = *.hpp
RECURSIVE              = YES
USE_MDFILE_AS_MAINPAGE =
EXCLUDE_SYMBOLS        = optly::detail optly::detail::*
OPTIMIZE_OUTPUT_FOR_C  = NO
TYPEDEF_HIDES_STRUCT   = NO
EXTRACT_ALL            = YES
HTML_OUTPUT            = html-cpp
GENERATE_XML           = NO
GENERATE_MAN           = NO
