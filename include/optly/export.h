/**
 * @file
 * Marks what the library exports. Include the topic headers instead.
 */
#ifndef OPTLY_EXPORT_H
#define OPTLY_EXPORT_H

#if defined(OPTLY_STATIC_DEFINE)
#define OPTLY_API
#elif defined(__GNUC__)
#define OPTLY_API __attribute__((visibility("default")))
#else
#define OPTLY_API
#endif

#ifdef __cplusplus
#define OPTLY_BEGIN_DECLS extern "C" {
#define OPTLY_END_DECLS }
#else
#define OPTLY_BEGIN_DECLS
#define OPTLY_END_DECLS
#endif

#endif
