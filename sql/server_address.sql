-- Where a server may be, and that no option can smuggle anything into a request.

CREATE SERVER shop FOREIGN DATA WRAPPER fpgo OPTIONS (url 'https://gateway.example/api/v1');
CREATE USER MAPPING FOR PUBLIC SERVER shop OPTIONS (token 'abc');
-- how a statement is refused; nothing of it stays
CREATE FUNCTION pg_temp.try(statement text, VARIADIC arguments text[]) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	code text; detail text;
BEGIN
	EXECUTE format(statement, VARIADIC arguments);
	RAISE EXCEPTION USING ERRCODE = 'RB000';
EXCEPTION WHEN SQLSTATE 'RB000' THEN
	RETURN 'taken';
WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, detail = PG_EXCEPTION_DETAIL;
	RETURN concat_ws(' ', code, nullif(detail, ''));
END $$;

-- an address that is not public takes the option; so say message and hint
ALTER SERVER shop OPTIONS (SET url 'https://169.254.169.254/latest');
ALTER SERVER shop OPTIONS (ADD private_network 'false');
ALTER SERVER shop OPTIONS (SET url 'https://10.0.0.1');
CREATE SERVER inside FOREIGN DATA WRAPPER fpgo OPTIONS (url 'https://[fd00::1]/api/v1', private_network 'on');
ALTER SERVER inside OPTIONS (SET private_network 'off');
ALTER SERVER inside OPTIONS (DROP private_network);
ALTER SERVER inside OPTIONS (SET private_network 'perhaps');
DROP SERVER inside;

-- one a block; test/unit has their edges
SELECT address, pg_temp.try('ALTER SERVER shop OPTIONS (SET url %L)', 'https://' || address || '/x') AS without,
	pg_temp.try('ALTER SERVER shop OPTIONS (SET url %L, SET private_network ''true'')', 'https://' || address || '/x') AS with_option
FROM unnest('{0.0.0.0,10.1.2.3,100.64.0.1,169.254.169.254,172.31.0.1,192.0.0.1,192.0.2.1,192.88.99.1,192.168.1.1,198.18.0.1,
	198.51.100.1,203.0.113.1,224.0.0.1,255.255.255.255,[::],[::7f00:1],[::ffff:10.0.0.1],[::ffff:127.0.0.1],[64:ff9b::a00:1],
	[64:ff9b:1::1],[100::1],[2001::1],[2001:db8::1],[2002:a00:1::1],[fc00::1],[fe80::1],[fec0::1],[ff02::1],
	8.8.8.8,[2a00::1],[64:ff9b::808:808],127.0.0.1,localhost,[::1]}'::text[]) address;
-- plain HTTP goes to this machine alone, whatever is private
SELECT url, pg_temp.try('ALTER SERVER shop OPTIONS (SET url %L, SET private_network ''true'')', url)
FROM unnest('{http://10.0.0.1/,http://gateway.example/,http://127.0.0.1/,http://localhost/,http://[::1]/}'::text[]) url;

-- a host is spelt in one way: what others read as another, or as this machine, is refused
SELECT left(host, 25) AS host, pg_temp.try('ALTER SERVER shop OPTIONS (SET url %L)', 'https://' || host || '/x')
FROM unnest(ARRAY['127.1', '127.0.1', '0x7f.1', '0x7f000001', '2130706433', '017700000001', '0177.0.0.1', '127.0.0.1.', '10.0.0.1.',
	'127.0.0.01', '1.2.3.4.5', '256.1.1.1', '1.2.3', '[0:0:0:0:0:0:0:1]', '[::ffff:7f00:1]', '[fe80::1%eth0]', '[fe80::1%25eth0]', '[::1%25lo]',
	'[127.0.0.1]', '[v1.x]', '[::1', '%6c%6fcalhost', '%31%32%37.0.0.1', '127%2e0%2e0%2e1', 'a%2eexample', 'bücher.example', 'xn--bcher-kva.example',
	'ⓛocalhost', '１２７.0.0.1', 'a。example', 'user@a.example', 'user:secret@a.example', '@a.example', 'a.example@127.0.0.1', 'a.example\@127.0.0.1',
	'a.example#@127.0.0.1', 'a.example?@127.0.0.1', 'a.example;127.0.0.1', 'a.example.', 'a..example', '.a.example', '-', 'a_b.example', 'a.example:443', 'a.example:0',
	'a.example:65535', 'a.example:65536', 'a.example:-1', 'a.example:+443', 'a.example:0x1bb', 'a.example:443:443', 'a.example:', 'a.example:4 43', 'a.example: 443',
	'a.example:٤٤٣', repeat('a', 253), repeat('a', 254)]) host;
-- a path is taken as it stands, and sent as it stands (test/unit sees it on the wire)
SELECT path, pg_temp.try('ALTER SERVER shop OPTIONS (SET url %L)', 'https://a.example' || path)
FROM unnest(ARRAY['//', '/a//b', '/../x', '/./x', '/%2e%2e/x', '/%2F', '/a%0d%0aX:%20y', '/a?b', '/a#b', '/a\b', '/a b', '/a<b', '/a"b', '/æ', '/a%', '/@b', '/:80']) path;
SELECT path, pg_temp.try('ALTER SERVER shop OPTIONS (ADD submit_path %L)', path)
FROM unnest(ARRAY['/a/../b', '//b', '//evil.example/x', '@evil.example/', '.evil.example/', ':80/', '/a%2e', '/a?b', '/a#b', '/a\b', '/a b', '/æ', '/a@b', '/']) path;

-- no byte that ends a line, is invisible or beyond ASCII is in a text that is sent; a file's name is not
SELECT option, string_agg(upper(to_hex(code)), ' ' ORDER BY code) AS taken
FROM unnest(ARRAY['https://a.example/%s', 'https://a%s.example', '/a%s', 'a%s', '/etc/%s'],
		ARRAY['SERVER shop OPTIONS (SET url %L)', 'SERVER shop OPTIONS (SET url %L)', 'SERVER shop OPTIONS (ADD submit_path %L)',
			'USER MAPPING FOR PUBLIC SERVER shop OPTIONS (SET token %L)', 'SERVER shop OPTIONS (ADD ca_file %L)'],
		ARRAY['url, path', 'url, host', 'submit_path', 'token', 'ca_file']) o (pattern, clause, option),
	unnest(ARRAY[1, 8, 9, 10, 11, 12, 13, 27, 31, 32, 127, 128, 133, 160, 173, 230, 8232, 65279]) code,
	LATERAL pg_temp.try('ALTER ' || clause, format(pattern, chr(code))) outcome
WHERE outcome = 'taken'
GROUP BY option ORDER BY option;
SELECT pg_temp.try('ALTER USER MAPPING FOR PUBLIC SERVER shop OPTIONS (SET token %L)', E'abc\r\nX-Injected: yes') AS token,
	pg_temp.try('ALTER SERVER shop OPTIONS (SET url %L)', E'https://a.example/\r\nX-Injected: yes') AS url,
	pg_temp.try('ALTER SERVER shop OPTIONS (ADD submit_path %L)', E'/x HTTP/1.1\r\nX-Injected: yes') AS submit_path,
	pg_temp.try('ALTER SERVER shop OPTIONS (ADD ca_file %L)', E'/etc/x\nLOG:  forged') AS ca_file,
	pg_temp.try('ALTER USER MAPPING FOR PUBLIC SERVER shop OPTIONS (DROP token, ADD token_file %L)', E'/etc/x\nLOG:  forged') AS token_file;
-- no text of PostgreSQL holds a NUL
ALTER USER MAPPING FOR PUBLIC SERVER shop OPTIONS (SET token E'a\x00b');

DROP SERVER shop CASCADE;
