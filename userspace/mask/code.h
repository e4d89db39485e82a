/* SPDX-License-Identifier: MIT */
/* code: what a number with letters must be, character by character. Whether a text that passes is one is for
 * mask/find_code.c to say. */
#ifndef PGVEIL_MASK_CODE_H
#define PGVEIL_MASK_CODE_H

#include <stdbool.h>

/* Each of the shape that the table of mask/find_code.c says, in capitals and without separators. */
bool code_mixed(const char *c); /* four digits at least */
bool code_vin(const char *c);
bool code_vin_any(const char *c); /* outside of North America the check digit is not one */
bool code_us_mbi(const char *c);
bool code_uk_nino(const char *c);
bool code_uk_postcode(const char *c);
bool code_de_rvnr(const char *c);
bool code_fr_nir(const char *c);
bool code_es_nif(const char *c);
bool code_es_nie(const char *c);
bool code_it_codice_fiscale(const char *c);
bool code_se_personnummer(const char *c);
bool code_fi_hetu(const char *c);
bool code_in_pan(const char *c);
bool code_in_gstin(const char *c);
bool code_sg_nric(const char *c);
bool code_br_cnpj(const char *c);

#endif
