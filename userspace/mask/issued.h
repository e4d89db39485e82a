/* SPDX-License-Identifier: MIT */
/* issued: what a number that a country or an industry gives out must be, digit by digit. Whether a text that
 * passes is one is for mask/find_issued.c to say. */
#ifndef PGVEIL_MASK_ISSUED_H
#define PGVEIL_MASK_ISSUED_H

#include <stdbool.h>

/* Each of ASCII digits, as many as the table of mask/find_issued.c says. */
bool issued_us_itin(const char *d);
bool issued_us_ein(const char *d);
bool issued_us_npi(const char *d);
bool issued_us_aba(const char *d);
bool issued_uk_nhs(const char *d);
bool issued_uk_utr(const char *d);
bool issued_ca_sin(const char *d);
bool issued_au_tfn(const char *d);
bool issued_au_abn(const char *d);
bool issued_au_acn(const char *d);
bool issued_au_medicare(const char *d);
bool issued_de_idnr(const char *d);
bool issued_de_idnr_loosely(const char *d); /* whatever digits occur how often */
bool issued_fr_nir(const char *d);
bool issued_fr_siren(const char *d);
bool issued_fr_siret(const char *d);
bool issued_it_partita_iva(const char *d);
bool issued_pl_pesel(const char *d);
bool issued_se_personnummer(const char *d);
bool issued_se_personnummer_12(const char *d);
bool issued_nl_bsn(const char *d);
bool issued_nl_bsn_8(const char *d);
bool issued_be_rrn(const char *d);
bool issued_ch_ahv(const char *d);
bool issued_tr_tckn(const char *d);
bool issued_in_aadhaar(const char *d);
bool issued_kr_rrn(const char *d);
bool issued_kr_rrn_date(const char *d); /* those of 2020 and later have no check digit */
bool issued_th_tnin(const char *d);
bool issued_br_cpf(const char *d);
bool issued_br_cnpj(const char *d);
bool issued_za_id(const char *d);
bool issued_jp_my_number(const char *d);
bool issued_any(const char *d); /* no check digit is published */
bool issued_ph_tin(const char *d);
bool issued_imei(const char *d);
bool issued_iccid_19(const char *d);
bool issued_iccid_20(const char *d);

#endif
