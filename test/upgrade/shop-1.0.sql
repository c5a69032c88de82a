-- A shop that uses fpgo 1.0, and whose own objects depend on what 1.0 made; for
-- test/upgrade/record.  The person is made up: its number is of the synthetic kind.

CREATE ROLE shop LOGIN;
CREATE ROLE clerk LOGIN;
CREATE ROLE reporter LOGIN;
CREATE EXTENSION fpgo;
CREATE SERVER frontpayment FOREIGN DATA WRAPPER fpgo
    OPTIONS (url :'address', retention '3650d', defaults '{"invoiceFeeApplicable": true}');
CREATE USER MAPPING FOR PUBLIC SERVER frontpayment
    OPTIONS (token 'record-token', callback_secret 'record-secret');
CREATE USER MAPPING FOR shop SERVER frontpayment OPTIONS (token 'record-token');
GRANT USAGE ON FOREIGN SERVER frontpayment TO shop, clerk;

-- by bare name, as README.md grants
GRANT EXECUTE ON FUNCTION fpgo.sees_all_submissions TO reporter;
GRANT EXECUTE ON FUNCTION fpgo.resolve TO clerk;
GRANT EXECUTE ON FUNCTION fpgo.reconcile TO clerk;
GRANT EXECUTE ON PROCEDURE fpgo.deliver TO clerk;
GRANT EXECUTE ON FUNCTION fpgo.pause, fpgo.resume TO clerk;
GRANT EXECUTE ON FUNCTION fpgo.receive_callback TO shop;
REVOKE EXECUTE ON FUNCTION fpgo.doctor FROM PUBLIC;
GRANT SELECT ON fpgo.queue_health TO reporter WITH GRANT OPTION;

CREATE SCHEMA shop AUTHORIZATION shop;
SET ROLE shop;

CREATE FUNCTION shop.an_order(reference text, product text DEFAULT 'R-1', at timestamptz DEFAULT date_trunc('day', now()))
RETURNS fpgo.invoice_order
BEGIN ATOMIC
    SELECT fpgo.make_order(
        products => ARRAY[fpgo.make_product(name => 'Router', product_id => product,
            quantity => 1, rate => 599, tax => 25)],
        customer_details => fpgo.make_private_customer(
            name => 'Kari Nordmann', personal_number => '05928520287', email => 'kari@shop.example',
            country_code => '+47', msisdn => '40000000',
            address => fpgo.make_address(street => 'Storgata 1', zip => '0155', city => 'Oslo', country => 'NO')),
        reference_no => reference, order_date => at,
        callback => fpgo.make_callback(
            callback_url => 'https://shop.example/fpgo/{submission}',
            success => 'https://shop.example/thanks',
            failure => 'https://shop.example/sorry'));
END;

CREATE TABLE shop.customer_order (
    number text PRIMARY KEY,
    wanted fpgo.invoice_order,
    as_sent fpgo.order_payload,
    is_right boolean GENERATED ALWAYS AS (fpgo.is_valid(as_sent)) STORED
);
CREATE FUNCTION shop.invoice_for(o shop.customer_order) RETURNS fpgo.invoice_order
LANGUAGE plpgsql STABLE AS $$
DECLARE
    wanted fpgo.invoice_order := shop.an_order(o.number);
BEGIN
    IF o.number = 'refused-by-fpgo' THEN
        wanted.customer_details.email := 'none';
    END IF;
    RETURN wanted;
END $$;
CREATE TRIGGER invoice AFTER INSERT ON shop.customer_order
    FOR EACH ROW EXECUTE FUNCTION fpgo.enqueue_invoice_trigger('shop.invoice_for', 'on_invalid=record');
CREATE INDEX valid_orders ON shop.customer_order (number) WHERE fpgo.is_valid(as_sent);
CREATE VIEW shop.open_invoices AS
    SELECT submission, reference, state, (SELECT count(*) FROM fpgo.validate(shop.an_order(reference))) AS n_faults
    FROM fpgo.submissions WHERE state IN ('queued', 'sending', 'uncertain');
CREATE FUNCTION shop.invoice(reference text) RETURNS bigint
BEGIN ATOMIC
    SELECT fpgo.enqueue_invoice(shop.an_order(reference), on_duplicate => 'ignore');
END;
CREATE FUNCTION shop.address_of(submission bigint) RETURNS text
BEGIN ATOMIC
    SELECT s.bank_id_url FROM fpgo.invoice_session(submission) s;
END;
RESET ROLE;
