/*
 * hide.h
 *		Errors logged without the statement they were raised in.
 */
#ifndef FPGO_HIDE_H
#define FPGO_HIDE_H

#include "postgres.h"

/*
 * Callback of an error context: what is raised or said within it, by PostgreSQL
 * too, is logged without statement and context.
 */
extern void fpgo_hide_statement(void *arg);

#endif							/* FPGO_HIDE_H */
