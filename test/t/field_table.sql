-- The field table of src/validation/README.md, printed from the field tree.  After
-- a change of the tree, replace the table there with what this prints:
--
--		psql -XAtqf test/t/field_table.sql
--
-- with a database that has fpgo in it.  test/t/110_field_places.pl compares the two.

SELECT E'| field | type | must be there | and be | in SQL |\n|---|---|---|---|---|';
SELECT format('| `%s` | %s | %s | %s | `%s.%s` |', path, type, presence, "constraint", sql_type, attribute)
FROM fpgo.rules();
