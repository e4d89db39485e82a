-- What the expectations for analytics-readonly.yaml are about.
CREATE SCHEMA pii;
CREATE TABLE orders (
    id bigint PRIMARY KEY,
    customer_name text,
    country text,
    ip inet,
    total numeric(12, 2)
);
CREATE TABLE pii.people (
    id bigint,
    born date,
    score integer
);
