#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs once in the database's container: a table to look at, and the role that the engine logs in with. There is no role
# agent, so the agent's own password can work nowhere.
set -euo pipefail
psql -v ON_ERROR_STOP=1 -v password="$ENGINE_PASSWORD" -U postgres -d crm <<'SQL'
CREATE TABLE customers (id int PRIMARY KEY, name text, ssn text, email text);
INSERT INTO customers VALUES (1, 'Ada Moreau', '219-09-9999', 'ada@clinic.example'), (2, 'Jonas Lind', '457-55-5462', 'j.lind@post.example');
CREATE ROLE crm_agent LOGIN PASSWORD :'password';
GRANT SELECT ON customers TO crm_agent;
SQL
