--
-- PostgreSQL database dump
--


-- Dumped from database version 15.20 (Debian 15.20-0+deb12u1)
-- Dumped by pg_dump version 15.20 (Debian 15.20-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: fpgo; Type: SCHEMA; Schema: -; Owner: postgres
--

CREATE SCHEMA fpgo;


ALTER SCHEMA fpgo OWNER TO postgres;

--
-- Name: fpgo; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS fpgo WITH SCHEMA fpgo;


--
-- Name: EXTENSION fpgo; Type: COMMENT; Schema: -; Owner: 
--

COMMENT ON EXTENSION fpgo IS 'Front Payment Go invoices from orders in SQL';


--
-- Name: shop; Type: SCHEMA; Schema: -; Owner: shop
--

CREATE SCHEMA shop;


ALTER SCHEMA shop OWNER TO shop;

--
-- Name: address_of(bigint); Type: FUNCTION; Schema: shop; Owner: shop
--

CREATE FUNCTION shop.address_of(submission bigint) RETURNS text
    LANGUAGE sql
    BEGIN ATOMIC
 SELECT s.bank_id_url
    FROM fpgo.invoice_session(address_of.submission) s(order_uuid, customer_uuid, bank_id_url);
END;


ALTER FUNCTION shop.address_of(submission bigint) OWNER TO shop;

--
-- Name: an_order(text, text, timestamp with time zone); Type: FUNCTION; Schema: shop; Owner: shop
--

CREATE FUNCTION shop.an_order(reference text, product text DEFAULT 'R-1'::text, at timestamp with time zone DEFAULT date_trunc('day'::text, now())) RETURNS fpgo.invoice_order
    LANGUAGE sql
    BEGIN ATOMIC
 SELECT fpgo.make_order(products => ARRAY[fpgo.make_product(name => 'Router'::text, product_id => product, quantity => (1)::numeric, rate => (599)::numeric, tax => (25)::numeric)], customer_details => fpgo.make_private_customer(name => 'Kari Nordmann'::text, personal_number => '05928520287'::text, email => 'kari@shop.example'::text, country_code => '+47'::text, msisdn => '40000000'::text, address => fpgo.make_address(street => 'Storgata 1'::text, zip => '0155'::text, city => 'Oslo'::text, country => 'NO'::text)), reference_no => reference, order_date => at, callback => fpgo.make_callback(callback_url => 'https://shop.example/fpgo/{submission}'::text, success => 'https://shop.example/thanks'::text, failure => 'https://shop.example/sorry'::text)) AS make_order;
END;


ALTER FUNCTION shop.an_order(reference text, product text, at timestamp with time zone) OWNER TO shop;

--
-- Name: invoice(text); Type: FUNCTION; Schema: shop; Owner: shop
--

CREATE FUNCTION shop.invoice(reference text) RETURNS bigint
    LANGUAGE sql
    BEGIN ATOMIC
 SELECT fpgo.enqueue_invoice(shop.an_order(reference), on_duplicate => 'ignore'::text) AS enqueue_invoice;
END;


ALTER FUNCTION shop.invoice(reference text) OWNER TO shop;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: customer_order; Type: TABLE; Schema: shop; Owner: shop
--

CREATE TABLE shop.customer_order (
    number text NOT NULL,
    wanted fpgo.invoice_order,
    as_sent fpgo.order_payload,
    is_right boolean GENERATED ALWAYS AS (fpgo.is_valid((as_sent)::jsonb)) STORED
);


ALTER TABLE shop.customer_order OWNER TO shop;

--
-- Name: invoice_for(shop.customer_order); Type: FUNCTION; Schema: shop; Owner: shop
--

CREATE FUNCTION shop.invoice_for(o shop.customer_order) RETURNS fpgo.invoice_order
    LANGUAGE plpgsql STABLE
    AS $$
DECLARE
    wanted fpgo.invoice_order := shop.an_order(o.number);
BEGIN
    IF o.number = 'refused-by-fpgo' THEN
        wanted.customer_details.email := 'none';
    END IF;
    RETURN wanted;
END $$;


ALTER FUNCTION shop.invoice_for(o shop.customer_order) OWNER TO shop;

--
-- Name: frontpayment; Type: SERVER; Schema: -; Owner: postgres
--

CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo OPTIONS (
    defaults '{"invoiceFeeApplicable": true}',
    retention '3650d',
    url 'http://127.0.0.1:1/api/v1'
);


ALTER SERVER frontpayment OWNER TO postgres;

--
-- Name: USER MAPPING public SERVER frontpayment; Type: USER MAPPING; Schema: -; Owner: postgres
--

CREATE USER MAPPING FOR public SERVER frontpayment OPTIONS (
    callback_secret 'record-secret',
    token 'record-token'
);


--
-- Name: USER MAPPING shop SERVER frontpayment; Type: USER MAPPING; Schema: -; Owner: postgres
--

CREATE USER MAPPING FOR shop SERVER frontpayment OPTIONS (
    token 'record-token'
);


--
-- Name: open_invoices; Type: VIEW; Schema: shop; Owner: shop
--

CREATE VIEW shop.open_invoices AS
 SELECT submissions.submission,
    submissions.reference,
    submissions.state,
    ( SELECT count(*) AS count
           FROM fpgo.validate(shop.an_order(submissions.reference)) validate(path, rule, message)) AS n_faults
   FROM fpgo.submissions
  WHERE ((submissions.state)::text = ANY (ARRAY['queued'::text, 'sending'::text, 'uncertain'::text]));


ALTER TABLE shop.open_invoices OWNER TO shop;

--
-- Data for Name: attempt; Type: TABLE DATA; Schema: fpgo_internal; Owner: postgres
--

COPY fpgo_internal.attempt (submission, number, run, started_at, ended_at, outcome, status, reason) FROM stdin;
1	1	272501723465917566	2026-11-30 19:36:29.205363+00	2026-11-30 19:36:29.216498+00	accepted	201	The gateway accepted the order with HTTP status 201.
2	1	4263248385827394038	2026-11-30 19:36:29.442004+00	2026-11-30 19:36:29.455628+00	accepted	201	The gateway accepted the order with HTTP status 201.
3	1	4263248385827394038	2026-11-30 19:36:29.44283+00	2026-11-30 19:36:29.463293+00	accepted	201	The gateway accepted the order with HTTP status 201.
5	1	348483219722161344	2026-11-30 19:36:30.30094+00	2026-11-30 19:36:30.303629+00	refused	417	The gateway refused the order with HTTP status 417.\nproducts.0.name: The name is not liked.
6	1	7373886226078210302	2026-11-30 19:36:30.426912+00	2026-11-30 19:36:30.429401+00	accepted	201	The gateway accepted the order with HTTP status 201.
8	1	5067612711421968439	2026-11-30 19:36:31.370874+00	2026-11-30 19:36:31.388484+00	unknown	\N	The connection was closed without an answer.
9	1	5138563771445159138	2026-11-30 19:36:32.255317+00	2026-11-30 19:36:32.273939+00	unknown	\N	The connection was closed without an answer.
10	1	393277684537631707	2026-11-30 19:36:33.29462+00	2026-11-30 19:36:33.316494+00	unknown	503	The gateway answered HTTP status 503, not JSON.
11	1	911223113074477769	2026-11-30 19:36:34.281044+00	2026-11-30 19:36:34.296489+00	unknown	503	The gateway answered HTTP status 503, not JSON.
12	1	6872049383854837950	2026-11-30 19:36:37.217938+00	2026-11-30 19:36:37.221993+00	slow_down	429	The gateway asked to slow down with HTTP status 429.\nToo Many Attempts.
15	1	3426780515811414705	2026-11-30 19:36:38.183519+00	\N	\N	\N	\N
\.


--
-- Data for Name: callback; Type: TABLE DATA; Schema: fpgo_internal; Owner: postgres
--

COPY fpgo_internal.callback (id, server, checksum, order_uuid, status, payment_method, amount, order_created_at, sent_at, received_at, is_stale, submission) FROM stdin;
1	frontpayment	\\x761b71e5eddd4e658fc95af527ca6cabbe7fef1dda13ce0785d4cd0a89c35e2c	ODR4712	SENT	invoice	599.00	2025-10-09 08:53:20+00	2026-11-30 19:36:35+00	2026-11-30 19:36:34.714464+00	f	11
2	frontpayment	\\xed4b98d1e71ef685b1d0c7f4bf54cb72276cf82db575707e4096050605a3799d	ODR2551271887	PAID	invoice	599.00	2025-10-09 08:53:20+00	2026-11-30 19:36:35+00	2026-11-30 19:36:34.943192+00	f	1
3	frontpayment	\\xe5934a6c87ba44ba176605c77d5b6dbf79f31a5008f560715a937425444d709e	ODR2551271887	INVOICED	invoice	599.00	2025-10-09 08:53:20+00	2025-10-09 08:53:21+00	2026-11-30 19:36:35.001401+00	t	\N
5	frontpayment	\\x4f5f90a2252dab73c46e00af25c227e16c3fb49f8d67284a4feae99ecdbbd5c2	ODR4713	PAID	invoice	599.00	2025-10-09 08:53:20+00	2026-11-30 19:36:35+00	2026-11-30 19:36:35.182835+00	f	\N
\.


--
-- Data for Name: callback_rejection; Type: TABLE DATA; Schema: fpgo_internal; Owner: postgres
--

COPY fpgo_internal.callback_rejection (server, outcome, times, first_at, last_at) FROM stdin;
frontpayment	repeated	1	2026-11-30 19:36:35.104026+00	2026-11-30 19:36:35.104026+00
frontpayment	forged	1	2026-11-30 19:36:35.297768+00	2026-11-30 19:36:35.297768+00
frontpayment	malformed	1	2026-11-30 19:36:35.399136+00	2026-11-30 19:36:35.399136+00
\.


--
-- Data for Name: event; Type: TABLE DATA; Schema: fpgo_internal; Owner: postgres
--

COPY fpgo_internal.event (id, submission, at, role, what, reason) FROM stdin;
1	7	2026-11-30 19:36:30.520075+00	shop	queued to cancelled	The customer rang up.
2	8	2026-11-30 19:36:32.467668+00	clerk	uncertain to cancelled	Not seen; a mistake.
3	9	2026-11-30 19:36:32.662928+00	clerk	uncertain to accepted	Seen.
\.


--
-- Data for Name: gateway_order; Type: TABLE DATA; Schema: fpgo_internal; Owner: postgres
--

COPY fpgo_internal.gateway_order (order_uuid, server, status, status_at, order_amount, refunded_amount, invoice_number) FROM stdin;
ODR2551271887	frontpayment	INVOICED	2026-11-30 19:36:36.479682+00	599	0	99900001
\.


--
-- Data for Name: hash_key; Type: TABLE DATA; Schema: fpgo_internal; Owner: postgres
--

COPY fpgo_internal.hash_key (key, created_at) FROM stdin;
\\x14ce8ebea3b544b7ae39667c66fb74b95b0659f3296d4b0ca7b8e3b50ebc7f2d	2026-11-30 19:36:28.931384+00
\.


--
-- Data for Name: likeness; Type: TABLE DATA; Schema: fpgo_internal; Owner: postgres
--

COPY fpgo_internal.likeness (submission, amounts, order_date, products, customer, contact) FROM stdin;
10	479.2 119.8 0 599	1795910400	fd1ed32993d095190321f54ee79b49d56c0736abfec9fa440094d8ab40441c55	fb5706250bdb815e5c9a3951e3a859a823018a717d437b00ab4d7a2738cd2182	fda871939f3aac7b3ded0c376a7393334f6646a2d1ce8f77ef69df779ed76d80
11	479.2 119.8 0 599	1795910400	783ffecce5d3c2ce48f6768f89893986b967f90e562cb770b9835af61613f890	fb5706250bdb815e5c9a3951e3a859a823018a717d437b00ab4d7a2738cd2182	fda871939f3aac7b3ded0c376a7393334f6646a2d1ce8f77ef69df779ed76d80
\.


--
-- Data for Name: payload; Type: TABLE DATA; Schema: fpgo_internal; Owner: postgres
--

COPY fpgo_internal.payload (submission, payload, keep_until) FROM stdin;
1	{"products":[{"name":"Router","productId":"R-1","quantity":1,"rate":599,"tax":25,"amount":599.00}],"orderSummary":{"subTotal":479.20,"totalTax":119.80,"totalDiscount":0.00,"grandTotal":599.00},"orderDate":"1795996800","referenceNo":"accepted","invoiceFeeApplicable":true,"customerDetails":{"type":"private","countryCode":"+47","msisdn":"40000000","email":"kari@shop.example","name":"Kari Nordmann","personalNumber":"05928520287","address":{"street":"Storgata 1","zip":"0155","city":"Oslo","country":"NO"}},"callback":{"callbackUrl":"https://shop.example/fpgo/fpgo-5f937bba75cc872787cdd56b4d43fc02","success":"https://shop.example/thanks","failure":"https://shop.example/sorry"}}	2036-11-27 19:36:29.216498+00
2	{"products":[{"name":"Router","productId":"A product id of many letters","quantity":1,"rate":599,"tax":25,"amount":599.00}],"orderSummary":{"subTotal":479.20,"totalTax":119.80,"totalDiscount":0.00,"grandTotal":599.00},"orderDate":"1795996800","referenceNo":"with-a-key","invoiceFeeApplicable":true,"customerDetails":{"type":"private","countryCode":"+47","msisdn":"40000000","email":"kari@shop.example","name":"Kari Nordmann","personalNumber":"05928520287","address":{"street":"Storgata 1","zip":"0155","city":"Oslo","country":"NO"}},"callback":{"callbackUrl":"https://shop.example/fpgo/fpgo-8e91338f6277693621de7d1b59f1bf96","success":"https://shop.example/thanks","failure":"https://shop.example/sorry"}}	2036-11-27 19:36:29.455628+00
3	{"products":[{"name":"Router","productId":"R-1","quantity":1,"rate":599,"tax":25,"amount":599.00}],"orderSummary":{"subTotal":479.20,"totalTax":119.80,"totalDiscount":0.00,"grandTotal":599.00},"orderDate":"1795996800","referenceNo":"by-trigger","invoiceFeeApplicable":true,"customerDetails":{"type":"private","countryCode":"+47","msisdn":"40000000","email":"kari@shop.example","name":"Kari Nordmann","personalNumber":"05928520287","address":{"street":"Storgata 1","zip":"0155","city":"Oslo","country":"NO"}},"callback":{"callbackUrl":"https://shop.example/fpgo/fpgo-1fab20d2247da0c1e64e80cae2e91a61","success":"https://shop.example/thanks","failure":"https://shop.example/sorry"}}	2036-11-27 19:36:29.463293+00
5	{"products":[{"name":"Router","productId":"R-1","quantity":1,"rate":599,"tax":25,"amount":599.00}],"orderSummary":{"subTotal":479.20,"totalTax":119.80,"totalDiscount":0.00,"grandTotal":599.00},"orderDate":"1795996800","referenceNo":"refused","invoiceFeeApplicable":true,"customerDetails":{"type":"private","countryCode":"+47","msisdn":"40000000","email":"kari@shop.example","name":"Kari Nordmann","personalNumber":"05928520287","address":{"street":"Storgata 1","zip":"0155","city":"Oslo","country":"NO"}},"callback":{"callbackUrl":"https://shop.example/fpgo/fpgo-d56ba2a903dd412a305d0a487000f0a5","success":"https://shop.example/thanks","failure":"https://shop.example/sorry"}}	2036-11-27 19:36:30.303629+00
6	{"products":[{"name":"Router","productId":"R-1","quantity":1,"rate":599,"tax":25,"amount":599.00}],"orderSummary":{"subTotal":479.20,"totalTax":119.80,"totalDiscount":0.00,"grandTotal":599.00},"orderDate":"1795996800","referenceNo":"refused","invoiceFeeApplicable":true,"customerDetails":{"type":"private","countryCode":"+47","msisdn":"40000000","email":"kari@shop.example","name":"Kari Nordmann","personalNumber":"05928520287","address":{"street":"Storgata 1","zip":"0155","city":"Oslo","country":"NO"}},"callback":{"callbackUrl":"https://shop.example/fpgo/fpgo-ecdaa667ba1b1bb0f191ac927512ae1f","success":"https://shop.example/thanks","failure":"https://shop.example/sorry"}}	2036-11-27 19:36:30.429401+00
7	{"products":[{"name":"Router","productId":"R-1","quantity":1,"rate":599,"tax":25,"amount":599.00}],"orderSummary":{"subTotal":479.20,"totalTax":119.80,"totalDiscount":0.00,"grandTotal":599.00},"orderDate":"1795996800","referenceNo":"cancelled","invoiceFeeApplicable":true,"customerDetails":{"type":"private","countryCode":"+47","msisdn":"40000000","email":"kari@shop.example","name":"Kari Nordmann","personalNumber":"05928520287","address":{"street":"Storgata 1","zip":"0155","city":"Oslo","country":"NO"}},"callback":{"callbackUrl":"https://shop.example/fpgo/fpgo-b9ff9fb55fc0787ba992ff890b8a9bc2","success":"https://shop.example/thanks","failure":"https://shop.example/sorry"}}	2036-11-27 19:36:30.524444+00
8	{"products":[{"name":"Router","productId":"R-1","quantity":1,"rate":599,"tax":25,"amount":599.00}],"orderSummary":{"subTotal":479.20,"totalTax":119.80,"totalDiscount":0.00,"grandTotal":599.00},"orderDate":"1795910400","referenceNo":"given-up","invoiceFeeApplicable":true,"customerDetails":{"type":"private","countryCode":"+47","msisdn":"40000000","email":"kari@shop.example","name":"Kari Nordmann","personalNumber":"05928520287","address":{"street":"Storgata 1","zip":"0155","city":"Oslo","country":"NO"}},"callback":{"callbackUrl":"https://shop.example/fpgo/fpgo-11d161a997e9ec89d52150af33a76af8","success":"https://shop.example/thanks","failure":"https://shop.example/sorry"}}	2036-11-27 19:36:32.467777+00
9	{"products":[{"name":"Router","productId":"R-1","quantity":1,"rate":599,"tax":25,"amount":599.00}],"orderSummary":{"subTotal":479.20,"totalTax":119.80,"totalDiscount":0.00,"grandTotal":599.00},"orderDate":"1795910400","referenceNo":"found","invoiceFeeApplicable":true,"customerDetails":{"type":"private","countryCode":"+47","msisdn":"40000000","email":"kari@shop.example","name":"Kari Nordmann","personalNumber":"05928520287","address":{"street":"Storgata 1","zip":"0155","city":"Oslo","country":"NO"}},"callback":{"callbackUrl":"https://shop.example/fpgo/fpgo-d3bda166cce38dd709faeb59be3d7b88","success":"https://shop.example/thanks","failure":"https://shop.example/sorry"}}	2036-11-27 19:36:32.663099+00
10	{"products":[{"name":"Router","productId":"uncertain","quantity":1,"rate":599,"tax":25,"amount":599.00}],"orderSummary":{"subTotal":479.20,"totalTax":119.80,"totalDiscount":0.00,"grandTotal":599.00},"orderDate":"1795910400","referenceNo":"uncertain","invoiceFeeApplicable":true,"customerDetails":{"type":"private","countryCode":"+47","msisdn":"40000000","email":"kari@shop.example","name":"Kari Nordmann","personalNumber":"05928520287","address":{"street":"Storgata 1","zip":"0155","city":"Oslo","country":"NO"}},"callback":{"callbackUrl":"https://shop.example/fpgo/fpgo-99aea84f44dcbc027771a2ddd24870cd","success":"https://shop.example/thanks","failure":"https://shop.example/sorry"}}	\N
11	{"products":[{"name":"Router","productId":"uncertain-named","quantity":1,"rate":599,"tax":25,"amount":599.00}],"orderSummary":{"subTotal":479.20,"totalTax":119.80,"totalDiscount":0.00,"grandTotal":599.00},"orderDate":"1795910400","referenceNo":"uncertain-named","invoiceFeeApplicable":true,"customerDetails":{"type":"private","countryCode":"+47","msisdn":"40000000","email":"kari@shop.example","name":"Kari Nordmann","personalNumber":"05928520287","address":{"street":"Storgata 1","zip":"0155","city":"Oslo","country":"NO"}},"callback":{"callbackUrl":"https://shop.example/fpgo/fpgo-dbb84c5712fc8840684d7d42e859272d","success":"https://shop.example/thanks","failure":"https://shop.example/sorry"}}	\N
12	{"products":[{"name":"Router","productId":"R-1","quantity":1,"rate":599,"tax":25,"amount":599.00}],"orderSummary":{"subTotal":479.20,"totalTax":119.80,"totalDiscount":0.00,"grandTotal":599.00},"orderDate":"1795996800","referenceNo":"asked-to-slow-down","invoiceFeeApplicable":true,"customerDetails":{"type":"private","countryCode":"+47","msisdn":"40000000","email":"kari@shop.example","name":"Kari Nordmann","personalNumber":"05928520287","address":{"street":"Storgata 1","zip":"0155","city":"Oslo","country":"NO"}},"callback":{"callbackUrl":"https://shop.example/fpgo/fpgo-78f46d6046690ad9ba49710f57cc7220","success":"https://shop.example/thanks","failure":"https://shop.example/sorry"}}	\N
13	{"products":[{"name":"Router","productId":"R-1","quantity":1,"rate":599,"tax":25,"amount":599.00}],"orderSummary":{"subTotal":479.20,"totalTax":119.80,"totalDiscount":0.00,"grandTotal":599.00},"orderDate":"1795996800","referenceNo":"queued","invoiceFeeApplicable":true,"customerDetails":{"type":"private","countryCode":"+47","msisdn":"40000000","email":"kari@shop.example","name":"Kari Nordmann","personalNumber":"05928520287","address":{"street":"Storgata 1","zip":"0155","city":"Oslo","country":"NO"}},"callback":{"callbackUrl":"https://shop.example/fpgo/fpgo-0baeb027830f0c5e2d52e4b6e842b569","success":"https://shop.example/thanks","failure":"https://shop.example/sorry"}}	\N
14	{"products":[{"name":"Router","productId":"R-1","quantity":1,"rate":599,"tax":25,"amount":599.00}],"orderSummary":{"subTotal":479.20,"totalTax":119.80,"totalDiscount":0.00,"grandTotal":599.00},"orderDate":"1795996800","invoiceFeeApplicable":true,"customerDetails":{"type":"private","countryCode":"+47","msisdn":"40000000","email":"kari@shop.example","name":"Kari Nordmann","personalNumber":"05928520287","address":{"street":"Storgata 1","zip":"0155","city":"Oslo","country":"NO"}},"callback":{"callbackUrl":"https://shop.example/fpgo/fpgo-b7e4c71ac1e39033a7f37b6879c7c62f","success":"https://shop.example/thanks","failure":"https://shop.example/sorry"}}	\N
15	{"products":[{"name":"Router","productId":"R-1","quantity":1,"rate":599,"tax":25,"amount":599.00}],"orderSummary":{"subTotal":479.20,"totalTax":119.80,"totalDiscount":0.00,"grandTotal":599.00},"orderDate":"1795996800","referenceNo":"sending","invoiceFeeApplicable":true,"customerDetails":{"type":"private","countryCode":"+47","msisdn":"40000000","email":"kari@shop.example","name":"Kari Nordmann","personalNumber":"05928520287","address":{"street":"Storgata 1","zip":"0155","city":"Oslo","country":"NO"}},"callback":{"callbackUrl":"https://shop.example/fpgo/fpgo-25bb9347b2415e7da4d03757781c568a","success":"https://shop.example/thanks","failure":"https://shop.example/sorry"}}	\N
\.


--
-- Data for Name: sighting; Type: TABLE DATA; Schema: fpgo_internal; Owner: postgres
--

COPY fpgo_internal.sighting (order_uuid, server, status, first_seen_at, looked_at, amounts, order_date, products, customer, contact) FROM stdin;
ODR1042487015	frontpayment	SENT	2026-11-30 19:36:34.426367+00	2026-11-30 19:36:34.475245+00	479.2 119.8 0 599	1795910400	f918d53dcb9cadf2fe4235919da0eddbe8bc1e48c55074cdb677d86e5716e76e	fb5706250bdb815e5c9a3951e3a859a823018a717d437b00ab4d7a2738cd2182	fda871939f3aac7b3ded0c376a7393334f6646a2d1ce8f77ef69df779ed76d80
ODR4233923963	frontpayment	SENT	2026-11-30 19:36:34.426367+00	2026-11-30 19:36:34.475467+00	479.2 119.8 0 599	1795910400	f918d53dcb9cadf2fe4235919da0eddbe8bc1e48c55074cdb677d86e5716e76e	fb5706250bdb815e5c9a3951e3a859a823018a717d437b00ab4d7a2738cd2182	fda871939f3aac7b3ded0c376a7393334f6646a2d1ce8f77ef69df779ed76d80
\.


--
-- Data for Name: status_change; Type: TABLE DATA; Schema: fpgo_internal; Owner: postgres
--

COPY fpgo_internal.status_change (id, order_uuid, server, status, at) FROM stdin;
1	ODR2551271887	frontpayment	SENT	2026-11-30 19:36:35.528724+00
2	ODR2551271887	frontpayment	INVOICED	2026-11-30 19:36:36.479751+00
\.


--
-- Data for Name: submission; Type: TABLE DATA; Schema: fpgo_internal; Owner: postgres
--

COPY fpgo_internal.submission (id, server, key, order_hash, reference, role, grand_total, state, attempts, run, not_before, order_uuid, customer_uuid, bank_id_url, error, created_at, settled_at, advice, callback_token) FROM stdin;
1	frontpayment	accepted	\\x889c2c77fbe76b9c9bc8ac5d4a3eb1c751271b3f4ff694e358c522baa3ea4e8f	accepted	shop	599.00	accepted	1	\N	\N	ODR2551271887	CSRT7207905373	https://auth.current.bankid.no/precheck/auth?response_type=code&client_id=sandbox&scope=openid%20profile%20nnin&redirect_uri=https%3A%2F%2Fdemo.frontpayment.no%2Forder%2Fhandle-bankid-verification&state=eyJvcmRlclV1aWQiOiJPRFIyNTUxMjcxODg3IiwiY29ubmVjdCI6InllcyJ9	\N	2026-11-30 19:36:29.204579+00	2026-11-30 19:36:29.216498+00	\N	fpgo-5f937bba75cc872787cdd56b4d43fc02
4	frontpayment	refused-by-fpgo	\\x172a64fc9813150a572fb4af5d8a6d8e05090bd1f81333c6e304b2179fb2ca49	refused-by-fpgo	shop	599.00	refused	0	\N	\N	\N	\N	\N	customerDetails.email must be an e-mail address, not a string of 4 characters.	2026-11-30 19:36:29.377556+00	2026-11-30 19:36:29.377556+00	\N	fpgo-a0b46cc243d83778f406d8d639cb81f2
2	frontpayment	basket-7	\\xf7df2d2a20768364f166c23b3d274417e7f415811f877aded04e929d63d60db3	with-a-key	shop	599.00	accepted	1	\N	\N	ODR7549728847	CSRT7207905373	https://auth.current.bankid.no/precheck/auth?response_type=code&client_id=sandbox&scope=openid%20profile%20nnin&redirect_uri=https%3A%2F%2Fdemo.frontpayment.no%2Forder%2Fhandle-bankid-verification&state=eyJvcmRlclV1aWQiOiJPRFI3NTQ5NzI4ODQ3IiwiY29ubmVjdCI6InllcyJ9	\N	2026-11-30 19:36:29.31551+00	2026-11-30 19:36:29.455628+00	{"products[0].productId should be at most 25 characters long, not 28."}	fpgo-8e91338f6277693621de7d1b59f1bf96
3	frontpayment	by-trigger	\\xf7c8d332bd67477ba70aaffc1d2ec242c7618f19d27a3cfba27f169f0a669619	by-trigger	shop	599.00	accepted	1	\N	\N	ODR6125345545	CSRT7207905373	https://auth.current.bankid.no/precheck/auth?response_type=code&client_id=sandbox&scope=openid%20profile%20nnin&redirect_uri=https%3A%2F%2Fdemo.frontpayment.no%2Forder%2Fhandle-bankid-verification&state=eyJvcmRlclV1aWQiOiJPRFI2MTI1MzQ1NTQ1IiwiY29ubmVjdCI6InllcyJ9	\N	2026-11-30 19:36:29.371988+00	2026-11-30 19:36:29.463293+00	\N	fpgo-1fab20d2247da0c1e64e80cae2e91a61
5	frontpayment	refused	\\xb5188d880b0d900468033baa557d1bdee8c2f1b3e6e62b779d655a6267fd0aa1	refused	shop	599.00	refused	1	\N	\N	\N	\N	\N	The gateway refused the order with HTTP status 417.\nproducts.0.name: The name is not liked.	2026-11-30 19:36:30.291791+00	2026-11-30 19:36:30.303629+00	\N	fpgo-d56ba2a903dd412a305d0a487000f0a5
6	frontpayment	refused	\\xb5188d880b0d900468033baa557d1bdee8c2f1b3e6e62b779d655a6267fd0aa1	refused	shop	599.00	accepted	1	\N	\N	ODR5344372069	CSRT7207905373	https://auth.current.bankid.no/precheck/auth?response_type=code&client_id=sandbox&scope=openid%20profile%20nnin&redirect_uri=https%3A%2F%2Fdemo.frontpayment.no%2Forder%2Fhandle-bankid-verification&state=eyJvcmRlclV1aWQiOiJPRFI1MzQ0MzcyMDY5IiwiY29ubmVjdCI6InllcyJ9	\N	2026-11-30 19:36:30.426114+00	2026-11-30 19:36:30.429401+00	\N	fpgo-ecdaa667ba1b1bb0f191ac927512ae1f
7	frontpayment	cancelled	\\x047182f91aac26224481460efae594d6084f4778f3f938e69db43c2dc8e15645	cancelled	shop	599.00	cancelled	0	\N	\N	\N	\N	\N	\N	2026-11-30 19:36:30.509938+00	2026-11-30 19:36:30.519884+00	\N	fpgo-b9ff9fb55fc0787ba992ff890b8a9bc2
8	frontpayment	given-up	\\xc7724289a32486ff7e98b70e4265b1a359340e1f57379197827e2b7f820551b0	given-up	shop	599.00	cancelled	1	\N	\N	\N	\N	\N	The connection was closed without an answer.	2026-11-30 19:36:31.370313+00	2026-11-30 19:36:32.467508+00	\N	fpgo-11d161a997e9ec89d52150af33a76af8
9	frontpayment	found	\\x6d4ffdc2dbcad0c87702cbc8cb0c59354eeeffed74a15e9eefa3ad376cd4ac4a	found	shop	599.00	accepted	1	\N	\N	ODR4711	\N	\N	\N	2026-11-30 19:36:32.254758+00	2026-11-30 19:36:32.662597+00	\N	fpgo-d3bda166cce38dd709faeb59be3d7b88
10	frontpayment	uncertain	\\xa4b478921380eb8153ae4cb0601f6e0b6c857443b12320b14a149de4672f74d2	uncertain	shop	599.00	uncertain	1	\N	\N	\N	\N	\N	The gateway answered HTTP status 503, not JSON.	2026-11-30 19:36:33.293129+00	2026-11-30 19:36:33.316494+00	\N	fpgo-99aea84f44dcbc027771a2ddd24870cd
11	frontpayment	uncertain-named	\\xf50e893542ba1853382c7c84b8a52485cfd54626a134ab5d695bb78fccdd15b3	uncertain-named	shop	599.00	uncertain	1	\N	\N	\N	\N	\N	The gateway answered HTTP status 503, not JSON.	2026-11-30 19:36:34.275854+00	2026-11-30 19:36:34.296489+00	\N	fpgo-dbb84c5712fc8840684d7d42e859272d
12	frontpayment	asked-to-slow-down	\\xfb819fb90011adea112b2d15a471e9d574f04cd1031d683871b46b6b2e449b3b	asked-to-slow-down	shop	599.00	queued	1	\N	2026-11-30 19:51:37.221993+00	\N	\N	\N	The gateway asked to slow down with HTTP status 429.\nToo Many Attempts.	2026-11-30 19:36:36.578387+00	\N	\N	fpgo-78f46d6046690ad9ba49710f57cc7220
13	frontpayment	queued	\\xd4c0aca3e2fa53ed6ee9232cabad5593d94bc18bc112ff92649eaeb291f96c24	queued	shop	599.00	queued	0	\N	\N	\N	\N	\N	\N	2026-11-30 19:36:37.321624+00	\N	\N	fpgo-0baeb027830f0c5e2d52e4b6e842b569
14	frontpayment	4a5475ec7d9d7e25ceea390d18a93466201351e7f931c477f03a1f0428dcc061/8591.849382597398751.111	\\x4a5475ec7d9d7e25ceea390d18a93466201351e7f931c477f03a1f0428dcc061	\N	shop	599.00	queued	0	\N	\N	\N	\N	\N	\N	2026-11-30 19:36:37.427669+00	\N	\N	fpgo-b7e4c71ac1e39033a7f37b6879c7c62f
15	frontpayment	sending	\\x7e23efc4d152441b30c66f343791a676dfb8e35e2cbc197f66ccaa1f082f18d9	sending	shop	599.00	sending	1	3426780515811414705	\N	\N	\N	\N	\N	2026-11-30 19:36:38.183023+00	\N	\N	fpgo-25bb9347b2415e7da4d03757781c568a
\.


--
-- Data for Name: customer_order; Type: TABLE DATA; Schema: shop; Owner: shop
--

COPY shop.customer_order (number, wanted, as_sent) FROM stdin;
refused-by-fpgo	\N	\N
by-trigger	("{""(Router,R-1,1,599,,25,599.00)""}","(479.20,119.80,0.00,599.00)","2026-11-30 00:00:00+00",by-trigger,,,,,,,,,"(private,+47,40000000,kari@shop.example,""Kari Nordmann"",05928520287,,,""(""""Storgata 1"""",0155,Oslo,NO)"")","(https://shop.example/fpgo/{submission},https://shop.example/thanks,https://shop.example/sorry)")	{"callback": {"failure": "https://shop.example/sorry", "success": "https://shop.example/thanks", "callbackUrl": "https://shop.example/fpgo/{submission}"}, "products": [{"tax": 25, "name": "Router", "rate": 599, "amount": 599.00, "quantity": 1, "productId": "R-1"}], "orderDate": "1795996800", "referenceNo": "by-trigger", "orderSummary": {"subTotal": 479.20, "totalTax": 119.80, "grandTotal": 599.00, "totalDiscount": 0.00}, "customerDetails": {"name": "Kari Nordmann", "type": "private", "email": "kari@shop.example", "msisdn": "40000000", "address": {"zip": "0155", "city": "Oslo", "street": "Storgata 1", "country": "NO"}, "countryCode": "+47", "personalNumber": "05928520287"}, "invoiceFeeApplicable": true}
\.


--
-- Name: callback_id_seq; Type: SEQUENCE SET; Schema: fpgo_internal; Owner: postgres
--

SELECT pg_catalog.setval('fpgo_internal.callback_id_seq', 5, true);


--
-- Name: event_id_seq; Type: SEQUENCE SET; Schema: fpgo_internal; Owner: postgres
--

SELECT pg_catalog.setval('fpgo_internal.event_id_seq', 3, true);


--
-- Name: status_change_id_seq; Type: SEQUENCE SET; Schema: fpgo_internal; Owner: postgres
--

SELECT pg_catalog.setval('fpgo_internal.status_change_id_seq', 2, true);


--
-- Name: submission_id_seq; Type: SEQUENCE SET; Schema: fpgo_internal; Owner: postgres
--

SELECT pg_catalog.setval('fpgo_internal.submission_id_seq', 15, true);


--
-- Name: customer_order customer_order_pkey; Type: CONSTRAINT; Schema: shop; Owner: shop
--

ALTER TABLE ONLY shop.customer_order
    ADD CONSTRAINT customer_order_pkey PRIMARY KEY (number);


--
-- Name: valid_orders; Type: INDEX; Schema: shop; Owner: shop
--

CREATE INDEX valid_orders ON shop.customer_order USING btree (number) WHERE fpgo.is_valid((as_sent)::jsonb);


--
-- Name: customer_order invoice; Type: TRIGGER; Schema: shop; Owner: shop
--

CREATE TRIGGER invoice AFTER INSERT ON shop.customer_order FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop.invoice_for', 'on_invalid=record');


--
-- Name: PROCEDURE deliver(IN submission bigint); Type: ACL; Schema: fpgo; Owner: postgres
--

GRANT ALL ON PROCEDURE fpgo.deliver(IN submission bigint) TO clerk;


--
-- Name: FUNCTION doctor(server text, OUT "check" text, OUT ok boolean, OUT detail text, OUT hint text); Type: ACL; Schema: fpgo; Owner: postgres
--

REVOKE ALL ON FUNCTION fpgo.doctor(server text, OUT "check" text, OUT ok boolean, OUT detail text, OUT hint text) FROM PUBLIC;


--
-- Name: FUNCTION pause(database text); Type: ACL; Schema: fpgo; Owner: postgres
--

GRANT ALL ON FUNCTION fpgo.pause(database text) TO clerk;


--
-- Name: FUNCTION receive_callback(query text, server text, OUT outcome text, OUT submission bigint, OUT order_uuid text, OUT status text); Type: ACL; Schema: fpgo; Owner: postgres
--

GRANT ALL ON FUNCTION fpgo.receive_callback(query text, server text, OUT outcome text, OUT submission bigint, OUT order_uuid text, OUT status text) TO shop;


--
-- Name: FUNCTION reconcile(INOUT submission bigint, OUT state text, OUT order_uuid text, OUT detail text); Type: ACL; Schema: fpgo; Owner: postgres
--

GRANT ALL ON FUNCTION fpgo.reconcile(INOUT submission bigint, OUT state text, OUT order_uuid text, OUT detail text) TO clerk;


--
-- Name: FUNCTION resolve(submission bigint, outcome text, reason text, order_uuid text, customer_uuid text, bank_id_url text); Type: ACL; Schema: fpgo; Owner: postgres
--

GRANT ALL ON FUNCTION fpgo.resolve(submission bigint, outcome text, reason text, order_uuid text, customer_uuid text, bank_id_url text) TO clerk;


--
-- Name: FUNCTION resume(database text); Type: ACL; Schema: fpgo; Owner: postgres
--

GRANT ALL ON FUNCTION fpgo.resume(database text) TO clerk;


--
-- Name: FUNCTION sees_all_submissions(); Type: ACL; Schema: fpgo; Owner: postgres
--

GRANT ALL ON FUNCTION fpgo.sees_all_submissions() TO reporter;


--
-- Name: FOREIGN SERVER frontpayment; Type: ACL; Schema: -; Owner: postgres
--

GRANT ALL ON FOREIGN SERVER frontpayment TO shop;
GRANT ALL ON FOREIGN SERVER frontpayment TO clerk;


--
-- Name: TABLE queue_health; Type: ACL; Schema: fpgo; Owner: postgres
--

GRANT SELECT ON TABLE fpgo.queue_health TO reporter WITH GRANT OPTION;


--
-- PostgreSQL database dump complete
--


