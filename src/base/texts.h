/*
 * texts.h
 *		Lists of texts, NULL after the last.
 */
#ifndef FPGO_TEXTS_H
#define FPGO_TEXTS_H

/* A copy in the current memory context, texts included; NULL for NULL. */
extern const char **fpgo_texts_copy(const char *const *texts);

#endif							/* FPGO_TEXTS_H */
