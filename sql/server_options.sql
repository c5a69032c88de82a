-- Options of servers and user mappings are refused when they are written.

CREATE SERVER shop FOREIGN DATA WRAPPER fpgo OPTIONS (url 'https://demo-api.frontpayment.no/api/v1');
ALTER SERVER shop OPTIONS (ADD submit_path '/connect/orders/invoice/submit', ADD connect_timeout '5s',
	ADD timeout '90s', ADD keepalive '0', ADD concurrency '8', ADD rate_limit '200', ADD rate_window '60s', ADD retention '7d', ADD tax_rates '0, 6,12.5', ADD ca_file '/etc/ssl/ca.pem');
CREATE USER MAPPING FOR PUBLIC SERVER shop OPTIONS (token '12|abc.DEF-_~+/=');

-- what is not an option; the hint lists what is
ALTER SERVER shop OPTIONS (ADD host 'x');
ALTER USER MAPPING FOR PUBLIC SERVER shop OPTIONS (ADD password 'secret-7d1f');
ALTER FOREIGN DATA WRAPPER fpgo OPTIONS (ADD url 'https://a.example');

-- what must be there
CREATE SERVER without_url FOREIGN DATA WRAPPER fpgo;
ALTER SERVER shop OPTIONS (DROP url);
CREATE USER MAPPING FOR CURRENT_USER SERVER shop;
CREATE USER MAPPING FOR CURRENT_USER SERVER shop OPTIONS (token 'a', token_file '/b');

-- one line a value: how it is refused
CREATE FUNCTION pg_temp.try(statement text, VARIADIC arguments text[]) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	code text; message text; detail text; hint text;
BEGIN
	EXECUTE format(statement, VARIADIC arguments);
	RETURN 'taken';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
		detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' ', code, message || '.', nullif(detail, ''), nullif(hint, ''));
END $$;

-- URLs: https, or http to this machine; nothing but scheme, host, port, path
SELECT left(url, 45) AS url, pg_temp.try('ALTER SERVER shop OPTIONS (SET url %L)', url)
FROM (VALUES ('https://demo-api.frontpayment.no/api/v1/'), ('https://[2001:db8::1]:8443/x'), ('http://localhost:8080/api/v1'),
	('http://127.0.0.1:1/api/v1'), ('http://[::1]/x'), (''), ('demo-api.frontpayment.no'), ('http://demo-api.frontpayment.no/api/v1'),
	('http://localhost.evil.example/'), ('http://127.0.0.1.evil.example/'), ('ftp://a.example/'), ('file:///etc/passwd'),
	('gopher://127.0.0.1:25/x'), ('https://user@a.example/'), ('https://user:secret@a.example/'), ('https://127.0.0.1\@a.example/'),
	('https://a.example/?x=1'), ('https://a.example/#x'), ('https://a b.example/'), (E'https://a.example/\r\nX: y'), (E'https://a.example/\u0001'),
	('https://'), ('https:///x'), ('https://a.example:0/'), ('https://a.example:99999/'), ('javascript:alert(1)'),
	('https://a.example/' || repeat('x', 3000))) v(url);

SELECT option, value, pg_temp.try('ALTER SERVER shop OPTIONS (SET %I %L)', option, value)
FROM (VALUES ('submit_path', '/orders'), ('submit_path', 'orders'), ('submit_path', '/a?b'), ('submit_path', E'/a\nb'), ('submit_path', ''),
	('connect_timeout', '250ms'), ('connect_timeout', '5000'), ('connect_timeout', '0'), ('connect_timeout', '-1'), ('connect_timeout', 'soon'),
	('timeout', '2min'), ('timeout', '2h'), ('timeout', '1 fortnight'), ('timeout', ''), ('keepalive', '0'), ('keepalive', '11min'),
	('concurrency', '1'), ('concurrency', '64'), ('concurrency', '0'), ('concurrency', '65'), ('concurrency', '4s'), ('concurrency', 'many'),
	('rate_limit', '1'), ('rate_limit', '1000000'), ('rate_limit', '0'), ('rate_limit', '1000001'), ('rate_limit', '4/s'),
	('rate_window', '1s'), ('rate_window', '1h'), ('rate_window', '999ms'), ('rate_window', '60'), ('rate_window', '61min'), ('rate_window', 'soon'),
	('retention', '0'), ('retention', '30d'), ('retention', '3600'), ('retention', '-1'), ('retention', '4000d'), ('retention', 'for ever'),
	('tax_rates', '25'), ('tax_rates', ' 0 , 6 '), ('tax_rates', ''), ('tax_rates', '0,,6'), ('tax_rates', '0;6'), ('tax_rates', '-6'),
	('tax_rates', '1e2'), ('tax_rates', 'NaN'), ('tax_rates', '1.2.3'), ('ca_file', 'relative.pem')) v(option, value);

-- a small number without unit may be meant as seconds
ALTER SERVER shop OPTIONS (SET timeout '60', SET connect_timeout '999', SET keepalive '5');
ALTER SERVER shop OPTIONS (SET timeout '60ms', SET connect_timeout '1000', SET keepalive '0');
ALTER SERVER shop OPTIONS (SET timeout '90s', SET connect_timeout '5s');

-- tokens: refused without being repeated
SELECT CASE WHEN length(token) > 40 THEN left(token, 20) || '...' ELSE token END AS token,
	pg_temp.try('ALTER USER MAPPING FOR PUBLIC SERVER shop OPTIONS (SET token %L)', token)
FROM (VALUES ('abc'), (''), ('with space'), (E'line\r\nX-Injected: yes'), (E'tab\t'), ('æ'), (repeat('x', 5000))) v(token);
SELECT path, pg_temp.try('ALTER USER MAPPING FOR PUBLIC SERVER shop OPTIONS (DROP token, ADD token_file %L)', path)
FROM (VALUES ('relative'), ('')) v(path);
SELECT right(path, 6) AS path, pg_temp.try('ALTER USER MAPPING FOR PUBLIC SERVER shop OPTIONS (DROP token, ADD token_file %L)', path)
FROM (VALUES (current_setting('data_directory') || '/token'), (current_setting('data_directory') || '/base/../token')) v(path);

-- naming a file takes the right to read files
CREATE ROLE regress_fpgo_owner;
GRANT USAGE ON FOREIGN DATA WRAPPER fpgo TO regress_fpgo_owner;
SET ROLE regress_fpgo_owner;
CREATE SERVER owned FOREIGN DATA WRAPPER fpgo OPTIONS (url 'https://a.example');
CREATE USER MAPPING FOR PUBLIC SERVER owned OPTIONS (token_file '/etc/passwd');
ALTER SERVER owned OPTIONS (ADD ca_file '/etc/passwd');
CREATE USER MAPPING FOR PUBLIC SERVER owned OPTIONS (token 'abc');
RESET ROLE;

-- a server's tax rates count in validation
ALTER SERVER shop OPTIONS (SET tax_rates '6, 25');
SELECT message FROM fpgo.validate('{"products": [{"tax": 12}, {"tax": "6.0"}]}', 'shop') WHERE rule = 'in';
SET fpgo.server = 'shop';
SELECT message FROM fpgo.validate('{"products": [{"tax": 12}, {"tax": "6.0"}]}') WHERE rule = 'in';
SET fpgo.server = 'none';
SELECT message FROM fpgo.validate('{"products": [{"tax": 12}, {"tax": "6.0"}]}') WHERE rule = 'in';
RESET fpgo.server;
SELECT * FROM fpgo.validate('{}', 'none');

DROP SERVER owned CASCADE;
DROP SERVER shop CASCADE;
REVOKE USAGE ON FOREIGN DATA WRAPPER fpgo FROM regress_fpgo_owner;
DROP ROLE regress_fpgo_owner;
