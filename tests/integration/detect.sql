-- SPDX-License-Identifier: MIT
-- For test_detect.py: free text and documents with one of each kind of what detectors find.
CREATE SCHEMA desk;

CREATE TABLE desk.mail (
	id    int PRIMARY KEY,
	kind  text,
	body  text,
	parts text[],
	doc   jsonb,
	num   bigint,
	host  inet,
	page  xml
);

INSERT INTO desk.mail VALUES
	(1, 'people', 'SSN 617-28-3001, NINO AB123456C, NHS 943 476 5870, Steuer-ID 86095742719, NIR 295109912611193, PESEL 44051401359, DNI 12345678Z',
	 ARRAY['CPF 390.533.447-05', 'nothing', NULL, 'BSN 111222333'], '{"customerSsn": 78051120, "note": "RVNR 15070649C103", "n": 78051120}', 617283001,
	 '203.0.113.7', '<a>617-28-3001</a>'),
	(2, 'net', 'from fe80::dead:beef:1234 via https://intranet.example.org/x?y=1, mac 08:00:2b:4d:5e:6f, at 52.52437, 13.41053',
	 ARRAY['198.51.100.77'], '{"ip": ["198.51.100.77"], "https://intranet.example.org/x": 1}', 42, '198.51.100.0/24', NULL),
	(3, 'secrets', 'postgres://app:Qx7hunter2@db.example.org/crm and ghp_16C7e42F292c6912E7710c838347Ae178B4a, password: Tr0ub4dor&3',
	 NULL, '{"aws": {"secretKey": "AKIAIOSFODNN7EXAMPLE"}, "pem": "-----BEGIN RSA PRIVATE KEY-----\nMIIBOgIBAAJBAKj34GkxFhD9\n-----END RSA PRIVATE KEY-----"}', 0, NULL, NULL),
	(4, 'own', 'chart MRN-48210077 and ward 733, room 734', ARRAY['MRN-48210077'], '{"ward": {"no": "733"}, "room": "734", "MRN-48210077": null}', 0, NULL, NULL),
	(5, 'clean', 'Invoice 2024-000183 of 12.03.2024: 3 x 49.90 EUR, version 1.22.333, commit 3f786850e387550fdab836ed7e6dc881de23001b',
	 ARRAY['a', 'b'], '{"total": 149.70, "items": [1, 2, 3], "id": "41111111-1111-4111-8111-111111111111"}', 42, NULL, NULL);
