/*
 * fault.h
 *		What is recorded of a row that no order can be made of.
 */
#ifndef FPGO_FAULT_H
#define FPGO_FAULT_H

#include "postgres.h"

#include "access/htup.h"
#include "utils/relcache.h"

/*
 * What on_invalid=record records of an error; NULL if the error is not about
 * the row, and must be raised.  function: the mapping function that raised it,
 * with its argument's type; NULL if fpgo did, with the order that it returned.
 */
extern const char *fpgo_fault_sentence(const ErrorData *error,
									   const char *function);

/*
 * The key under which that is recorded if the table has no primary key: the
 * table's name and a hash of the row.
 */
extern const char *fpgo_fault_key(HeapTuple row, Relation table);

#endif							/* FPGO_FAULT_H */
