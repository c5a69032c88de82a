-- What somebody would write who does without fpgo: the checks of fpgo.is_valid
-- in PL/pgSQL, and for its speed.  One condition an object, so that there are
-- few statements; no functions of its own; false as soon as one does not hold.

CREATE FUNCTION bench.is_valid(doc jsonb) RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    -- what the gateway trims
    blank CONSTANT text := E' \t\n\r\x0b';
    number CONSTANT text := '^[ \t\n\r\v\f]*[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?[ \t\n\r\v\f]*$';
    email CONSTANT text := '^([^][\x01- "(),.:;<>@\\\x7f]+(\.[^][\x01- "(),.:;<>@\\\x7f]+)*|"([^"\\\x01-\x1f\x7f]|\\[^\x01-\x1f\x7f])+")'
        '@[0-9A-Za-z\u0080-\uffff]([-0-9A-Za-z\u0080-\uffff]*[0-9A-Za-z\u0080-\uffff])?(\.[0-9A-Za-z\u0080-\uffff]([-0-9A-Za-z\u0080-\uffff]*[0-9A-Za-z\u0080-\uffff])?)*$';
    url CONSTANT text := '^[hH][tT][tT][pP][sS]?://(([-_.0-9A-Za-z\u0080-\uffff]|%[0-9A-Fa-f]{2})+(:([-_.0-9A-Za-z\u0080-\uffff]|%[0-9A-Fa-f]{2})+)?@)?'
        '([-_.0-9A-Za-z\u0080-\uffff]*[0-9A-Za-z\u0080-\uffff][0-9A-Za-z\u0080-\uffff]\.?|[-_.0-9A-Za-z\u0080-\uffff]+[0-9A-Za-z\u0080-\uffff]\.?|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?'
        '(/([-_.~!$&''()*+,;=:@/0-9A-Za-z\u0080-\uffff]|%[0-9A-Fa-f]{2})*)?(\?([-_.~!$&''()*+,;=:@/?0-9A-Za-z\u0080-\uffff]|[][]|%[0-9A-Fa-f]{2})*)?'
        '(#([-_.~!$&''()*+,;=:@/?0-9A-Za-z\u0080-\uffff]|%[0-9A-Fa-f]{2})*)?$';
    countries CONSTANT text[] := '{AD,AE,AF,AG,AI,AL,AM,AO,AQ,AR,AS,AT,AU,AW,AX,AZ,BA,BB,BD,BE,BF,BG,BH,BI,BJ,BL,BM,BN,BO,BQ,BR,BS,BT,BV,BW,BY,BZ,
        CA,CC,CD,CF,CG,CH,CI,CK,CL,CM,CN,CO,CR,CU,CV,CW,CX,CY,CZ,DE,DJ,DK,DM,DO,DZ,EC,EE,EG,EH,ER,ES,ET,FI,FJ,FK,FM,FO,FR,GA,GB,GD,GE,GF,GG,GH,GI,
        GL,GM,GN,GP,GQ,GR,GS,GT,GU,GW,GY,HK,HM,HN,HR,HT,HU,ID,IE,IL,IM,IN,IO,IQ,IR,IS,IT,JE,JM,JO,JP,KE,KG,KH,KI,KM,KN,KP,KR,KW,KY,KZ,LA,LB,LC,LI,
        LK,LR,LS,LT,LU,LV,LY,MA,MC,MD,ME,MF,MG,MH,MK,ML,MM,MN,MO,MP,MQ,MR,MS,MT,MU,MV,MW,MX,MY,MZ,NA,NC,NE,NF,NG,NI,NL,NO,NP,NR,NU,NZ,OM,PA,PE,PF,
        PG,PH,PK,PL,PM,PN,PR,PS,PT,PW,PY,QA,RE,RO,RS,RU,RW,SA,SB,SC,SD,SE,SG,SH,SI,SJ,SK,SL,SM,SN,SO,SR,SS,ST,SV,SX,SY,SZ,TC,TD,TF,TG,TH,TJ,TK,TL,
        TM,TN,TO,TR,TT,TV,TW,TZ,UA,UG,UM,US,UY,UZ,VA,VC,VE,VG,VI,VN,VU,WF,WS,YE,YT,ZA,ZM,ZW}';
    products jsonb := doc -> 'products';
    o jsonb;
    word text;
BEGIN
    -- a map may stand for the list
    IF jsonb_typeof(products) = 'object' THEN
        products := jsonb_path_query_array(products, '$.*');
    END IF;
    IF jsonb_typeof(products) IS DISTINCT FROM 'array' OR products = '[]' THEN
        RETURN false;
    END IF;
    FOR o IN SELECT jsonb_array_elements(products) LOOP
        IF (jsonb_typeof(o -> 'name') = 'string' AND btrim(o ->> 'name', blank) <> ''
            AND coalesce(jsonb_typeof(o -> 'productId') IN ('string', 'null'), true)
            AND (jsonb_typeof(o -> 'quantity') = 'number' OR jsonb_typeof(o -> 'quantity') = 'string' AND o ->> 'quantity' ~ number)
            AND (jsonb_typeof(o -> 'rate') = 'number' OR jsonb_typeof(o -> 'rate') = 'string' AND o ->> 'rate' ~ number)
            AND coalesce(jsonb_typeof(o -> 'discount') IN ('number', 'null')
                OR jsonb_typeof(o -> 'discount') = 'string' AND (o ->> 'discount' ~ number OR btrim(o ->> 'discount', blank) = ''), true)
            AND jsonb_typeof(o -> 'tax') IN ('number', 'string')
            AND (btrim(o ->> 'tax', blank) = ANY ('{0,12,15,25}')
                OR CASE WHEN o ->> 'tax' ~ number AND length(o ->> 'tax') < 50
                    THEN (o ->> 'tax')::numeric IN (0, 12, 15, 25) ELSE false END)
            AND (jsonb_typeof(o -> 'amount') = 'number' OR jsonb_typeof(o -> 'amount') = 'string' AND o ->> 'amount' ~ number)
        ) IS NOT TRUE THEN
            RETURN false;
        END IF;
    END LOOP;

    o := doc -> 'orderSummary';
    IF ((jsonb_typeof(o -> 'subTotal') = 'number' OR jsonb_typeof(o -> 'subTotal') = 'string' AND o ->> 'subTotal' ~ number)
        AND (jsonb_typeof(o -> 'totalTax') = 'number' OR jsonb_typeof(o -> 'totalTax') = 'string' AND o ->> 'totalTax' ~ number)
        AND (jsonb_typeof(o -> 'totalDiscount') = 'number' OR jsonb_typeof(o -> 'totalDiscount') = 'string' AND o ->> 'totalDiscount' ~ number)
        AND (jsonb_typeof(o -> 'grandTotal') = 'number' OR jsonb_typeof(o -> 'grandTotal') = 'string' AND o ->> 'grandTotal' ~ number)
    ) IS NOT TRUE THEN
        RETURN false;
    END IF;

    IF (jsonb_typeof(doc -> 'orderDate') = 'string' AND btrim(doc ->> 'orderDate', blank) <> ''
        AND coalesce(jsonb_typeof(doc -> 'referenceNo') IN ('string', 'null'), true)
        AND coalesce(jsonb_typeof(doc -> 'customerReference') IN ('string', 'null'), true)
        AND coalesce(jsonb_typeof(doc -> 'fpgoUuid') IN ('string', 'null'), true)
        AND CASE WHEN coalesce(btrim(doc ->> 'orderFrom', blank), '') = '' THEN coalesce(btrim(doc ->> 'fpgoUuid', blank), '') = ''
            ELSE jsonb_typeof(doc -> 'orderFrom') = 'string' AND btrim(doc ->> 'orderFrom', blank) = 'PARTNER' END
        AND CASE WHEN coalesce(btrim(doc ->> 'invoiceInterval', blank), '') = '' THEN true
            WHEN jsonb_typeof(doc -> 'invoiceInterval') NOT IN ('number', 'string') THEN false
            WHEN btrim(doc ->> 'invoiceInterval', blank) = ANY ('{0,1,2}') THEN true
            WHEN doc ->> 'invoiceInterval' ~ number AND length(doc ->> 'invoiceInterval') < 50
            THEN (doc ->> 'invoiceInterval')::numeric IN (0, 1, 2) ELSE false END
        AND coalesce(jsonb_typeof(doc -> 'separateInvoices') IN ('boolean', 'null')
            OR jsonb_typeof(doc -> 'separateInvoices') IN ('number', 'string')
                AND btrim(doc ->> 'separateInvoices', blank) IN ('0', '1', ''), true)
        AND (jsonb_typeof(doc -> 'invoiceFeeApplicable') = 'boolean'
            OR jsonb_typeof(doc -> 'invoiceFeeApplicable') IN ('number', 'string')
                AND btrim(doc ->> 'invoiceFeeApplicable', blank) IN ('0', '1'))
        AND coalesce(jsonb_typeof(doc -> 'invoiceMaturity') IN ('number', 'null')
            OR jsonb_typeof(doc -> 'invoiceMaturity') = 'string'
                AND (doc ->> 'invoiceMaturity' ~ number OR btrim(doc ->> 'invoiceMaturity', blank) = ''), true)
        AND coalesce(jsonb_typeof(doc #> '{settings,secureDetails}') IN ('boolean', 'null')
            OR jsonb_typeof(doc #> '{settings,secureDetails}') IN ('number', 'string')
                AND btrim(doc #>> '{settings,secureDetails}', blank) IN ('0', '1', ''), true)
    ) IS NOT TRUE THEN
        RETURN false;
    END IF;

    o := doc -> 'customerDetails';
    word := btrim(o ->> 'type', blank);
    IF (jsonb_typeof(o -> 'type') = 'string' AND word IN ('private', 'corporate')
        AND jsonb_typeof(o -> 'countryCode') = 'string' AND btrim(o ->> 'countryCode', blank) <> ''
        AND jsonb_typeof(o -> 'msisdn') = 'string' AND btrim(o ->> 'msisdn', blank) <> ''
        AND jsonb_typeof(o -> 'email') = 'string' AND btrim(o ->> 'email', blank) ~ email
        AND jsonb_typeof(o -> 'name') = 'string' AND btrim(o ->> 'name', blank) <> ''
        AND CASE WHEN coalesce(btrim(o ->> 'personalNumber', blank), '') = '' THEN word <> 'private'
            ELSE jsonb_typeof(o -> 'personalNumber') = 'string' AND length(btrim(o ->> 'personalNumber', blank)) = 11 END
        AND CASE WHEN coalesce(btrim(o ->> 'organizationId', blank), '') = '' THEN word <> 'corporate'
            ELSE jsonb_typeof(o -> 'organizationId') = 'string' AND btrim(o ->> 'organizationId', blank) ~ '^[0-9A-Za-z]+$' END
        AND CASE WHEN coalesce(btrim(o ->> 'preferredLanguage', blank), '') = '' THEN true
            ELSE jsonb_typeof(o -> 'preferredLanguage') = 'string'
                AND btrim(o ->> 'preferredLanguage', blank) IN ('en', 'no', 'sv', 'da', 'de') END
    ) IS NOT TRUE THEN
        RETURN false;
    END IF;

    o := o -> 'address';
    IF (jsonb_typeof(o -> 'street') = 'string' AND btrim(o ->> 'street', blank) <> ''
        AND jsonb_typeof(o -> 'zip') = 'string' AND btrim(o ->> 'zip', blank) <> ''
        AND jsonb_typeof(o -> 'city') = 'string' AND btrim(o ->> 'city', blank) <> ''
        AND jsonb_typeof(o -> 'country') = 'string' AND btrim(o ->> 'country', blank) = ANY (countries)
    ) IS NOT TRUE THEN
        RETURN false;
    END IF;

    o := doc -> 'callback';
    RETURN (jsonb_typeof(o -> 'callbackUrl') = 'string' AND btrim(o ->> 'callbackUrl', blank) ~ url
        AND jsonb_typeof(o -> 'success') = 'string' AND btrim(o ->> 'success', blank) ~ url
        AND jsonb_typeof(o -> 'failure') = 'string' AND btrim(o ->> 'failure', blank) ~ url
    ) IS TRUE;
END $$;
