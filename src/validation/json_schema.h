/*
 * json_schema.h
 *		The rules as a JSON Schema (draft-07).
 */
#ifndef FPGO_JSON_SCHEMA_H
#define FPGO_JSON_SCHEMA_H

/*
 * The schema as JSON text in the server's encoding; palloc'd.  tax_rates: those
 * in force, NULL for the API page's own.
 */
extern char *fpgo_json_schema_write(const char *const *tax_rates);

#endif							/* FPGO_JSON_SCHEMA_H */
