-- What the expectations for claude-support.yaml are about.
CREATE TABLE customers (
    id integer PRIMARY KEY,
    full_name text NOT NULL,
    email varchar(120),
    phone text,
    ssn char(11),
    birth_date date,
    notes text,
    region text
);
CREATE TABLE tickets (
    id integer PRIMARY KEY,
    customer_id integer REFERENCES customers (id),
    subject text,
    body text,
    reply_email text
);
CREATE VIEW contacts AS
    SELECT id, email AS address, phone FROM customers WHERE region = 'EU';
CREATE TABLE "Accounts" (
    "Id" integer,
    "Email" text
);
