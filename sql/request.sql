-- What would be sent for an order, before anything is: fpgo.request, and the order to try, fpgo.example_order.

\set order `cat "$PG_ABS_SRCDIR/test/corpus/example-order.json"`
CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo OPTIONS (url 'https://demo-api.frontpayment.no/api/v1/');

-- the example is the page's, without its blank member and with numbers for numeric strings
SELECT fpgo.payload(fpgo.example_order()) = fpgo.payload((:'order')::jsonb::fpgo.invoice_order) AS same;
SELECT * FROM fpgo.validate(fpgo.example_order());

-- no user mapping is needed: the token is not looked at
\x on
\pset format unaligned
SELECT * FROM fpgo.request(fpgo.example_order());
\x off
\pset format aligned

-- an order's three spellings; the composite has numbers
SELECT (t).body = (j).body AS same_body, (t).headers = (j).headers AS same_headers, (t).body::jsonb = fpgo.payload(:'order') AS is_payload
FROM (SELECT fpgo.request(:'order') AS t, fpgo.request((:'order')::jsonb) AS j) shown;
SELECT body::jsonb = fpgo.payload(fpgo.example_order()) AS is_payload FROM fpgo.request(fpgo.example_order());

-- the server's defaults, its path, and a port; the length is that in UTF-8
ALTER SERVER frontpayment OPTIONS (SET url 'http://localhost:80', ADD submit_path '/here', ADD defaults '{"customerReference": "Bjørn''s"}');
CREATE SERVER elsewhere FOREIGN DATA WRAPPER fpgo OPTIONS (url 'https://[2606:4700::1]:8443/', ca_file '/etc/it''s.pem');
CREATE TEMP TABLE shop_order AS SELECT (:'order')::jsonb - 'customerReference' AS doc;
SELECT url, headers[1] AS host, body::jsonb ->> 'customerReference' AS customer_reference,
	headers[cardinality(headers)] = 'Content-Length: ' || octet_length(convert_to(body, 'UTF8')) AS is_its_length
FROM shop_order, unnest(ARRAY['frontpayment', 'elsewhere', NULL]) server, fpgo.request(doc, server);
SELECT curl LIKE '%Bjørn''\\''''s%' AS quoted FROM shop_order, fpgo.request(doc);
SELECT curl LIKE '% --cacert ''/etc/it''\\''''s.pem'' %' AS quoted FROM shop_order, fpgo.request(doc, 'elsewhere');
-- a date of now
SET TIME ZONE 'UTC';
SELECT to_timestamp((body::jsonb ->> 'orderDate')::bigint) = date_trunc('second', now()) AS is_now
FROM (SELECT (fpgo.example_order()).*) e, fpgo.request(fpgo.make_order(products => e.products,
	customer_details => e.customer_details, callback => e.callback, invoice_fee_applicable => true));
-- the token of a callback is made at hand-in
SELECT body::jsonb #>> '{callback,callbackUrl}' AS callback_url
FROM shop_order, fpgo.request(jsonb_set(doc, '{callback,callbackUrl}', '"https://shop.example/fpgo/{submission}"'));

-- errors are those of submit_invoice
SELECT * FROM fpgo.request(NULL::jsonb);
SELECT * FROM fpgo.request(NULL::fpgo.invoice_order);
SELECT * FROM fpgo.request('{');
SELECT * FROM fpgo.request('[]'::jsonb);
SELECT fpgo.request((:'order')::jsonb - 'callback' || '{"call_back": {}}');
SELECT fpgo.request(jsonb_set(doc, '{products,0,tax}', '"13"') - 'orderSummary') FROM shop_order;
SELECT fpgo.request(doc, 'nowhere') FROM shop_order;
SELECT fpgo.request(jsonb_set(doc, '{note}', to_jsonb(repeat('x', 1100000)))) FROM shop_order;

-- USAGE is asked as submit_invoice asks it
CREATE ROLE regress_fpgo_looker;
SET ROLE regress_fpgo_looker;
SELECT url FROM fpgo.request(fpgo.example_order());
RESET ROLE;
GRANT USAGE ON FOREIGN SERVER frontpayment TO regress_fpgo_looker;
SET ROLE regress_fpgo_looker;
SELECT url FROM fpgo.request(fpgo.example_order());
RESET ROLE;

-- nothing is recorded; a read-only transaction may look
BEGIN READ ONLY;
SELECT method FROM fpgo.request(fpgo.example_order());
COMMIT;
SELECT count(*) FROM fpgo.submissions;

DROP OWNED BY regress_fpgo_looker;
DROP ROLE regress_fpgo_looker;
DROP SERVER frontpayment;
DROP SERVER elsewhere;
