-- Thousands of orders with a few things wrong or odd: what fpgo says of them,
-- and what the sandbox gateway's own reading of the rules says.  The two were
-- written independently; see test/gateway/mutations.py.

\set lines `python3 "$PG_ABS_SRCDIR/test/gateway/mutations.py"`

CREATE TEMP TABLE verdict AS
SELECT c.*, fpgo.is_valid(payload::jsonb) AS is_valid,
	(SELECT array_agg(DISTINCT regexp_replace(v.path, '\[(\d+)\]', '.\1', 'g') COLLATE "C") FROM fpgo.validate(payload) v) AS ours,
	(SELECT array_agg(k COLLATE "C" ORDER BY k COLLATE "C") FROM jsonb_object_keys(errors) k) AS theirs
FROM (SELECT line::jsonb ->> 'id' AS id, (line::jsonb ->> 'valid')::boolean AS valid, line::jsonb -> 'errors' AS errors,
		left(substr(line, position('"payload": ' IN line) + 11), -1) AS payload
	FROM regexp_split_to_table(:'lines', E'\n') line WHERE line <> '') c;

SELECT count(*) AS orders, count(*) FILTER (WHERE valid) > 900 AS over_900_valid,
	count(*) FILTER (WHERE is_valid AND NOT valid) AS only_fpgo_takes,
	count(*) FILTER (WHERE valid AND NOT is_valid) AS only_the_gateway_takes,
	count(*) FILTER (WHERE is_valid <> (ours IS NULL)) AS is_valid_and_validate_disagree,
	count(*) FILTER (WHERE ours IS DISTINCT FROM theirs) AS other_paths
FROM verdict;
SELECT id, valid, is_valid, ours, theirs FROM verdict
WHERE valid <> is_valid OR ours IS DISTINCT FROM theirs ORDER BY id LIMIT 20;
