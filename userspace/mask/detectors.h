/* SPDX-License-Identifier: MIT */
/* detectors: a set of detectors, and what they are called. Knows nothing of how they find. */
#ifndef PGVEIL_MASK_DETECTORS_H
#define PGVEIL_MASK_DETECTORS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

/* Every detector: its name in upper and lower case, and its group. What begins with two letters and an
 * underscore is also in the group of that country. Of findings that are the same the first named here gives
 * its label: what may be many things stands last. */
#define DETECTORS(X)                                                                                         \
	X(EMAIL, email, GENERIC)                                                                             \
	X(PAN, pan, GENERIC)                                                                                 \
	X(IBAN, iban, GENERIC)                                                                               \
	X(US_SSN, us_ssn, COUNTRY)                                                                           \
	X(CARD_TRACK, card_track, GENERIC)                                                                   \
	X(CVV, cvv, GENERIC)                                                                                 \
	X(URL, url, GENERIC)                                                                                 \
	X(IP, ip, GENERIC)                                                                                   \
	X(MAC, mac, GENERIC)                                                                                 \
	X(BIC, bic, GENERIC)                                                                                 \
	X(BIRTH_DATE, birth_date, GENERIC)                                                                   \
	X(AGE, age, GENERIC)                                                                                 \
	X(COORDINATES, coordinates, GENERIC)                                                                 \
	X(CRYPTO, crypto, GENERIC)                                                                           \
	X(IMEI, imei, GENERIC)                                                                               \
	X(ICCID, iccid, GENERIC)                                                                             \
	X(VIN, vin, GENERIC)                                                                                 \
	X(PRIVATE_KEY, private_key, SECRETS)                                                                 \
	X(JWT, jwt, SECRETS)                                                                                 \
	X(AUTH_HEADER, auth_header, SECRETS)                                                                 \
	X(CLOUD_KEY, cloud_key, SECRETS)                                                                     \
	X(ACCESS_TOKEN, access_token, SECRETS)                                                               \
	X(CONNECTION_STRING, connection_string, SECRETS)                                                     \
	X(SECRET, secret, SECRETS)                                                                           \
	X(US_ITIN, us_itin, COUNTRY)                                                                         \
	X(US_EIN, us_ein, COUNTRY)                                                                           \
	X(US_NPI, us_npi, COUNTRY)                                                                           \
	X(US_ABA, us_aba, COUNTRY)                                                                           \
	X(US_MBI, us_mbi, COUNTRY)                                                                           \
	X(UK_NHS, uk_nhs, COUNTRY)                                                                           \
	X(UK_NINO, uk_nino, COUNTRY)                                                                         \
	X(UK_POSTCODE, uk_postcode, COUNTRY)                                                                 \
	X(UK_UTR, uk_utr, COUNTRY)                                                                           \
	X(CA_SIN, ca_sin, COUNTRY)                                                                           \
	X(AU_TFN, au_tfn, COUNTRY)                                                                           \
	X(AU_ABN, au_abn, COUNTRY)                                                                           \
	X(AU_ACN, au_acn, COUNTRY)                                                                           \
	X(AU_MEDICARE, au_medicare, COUNTRY)                                                                 \
	X(DE_IDNR, de_idnr, EU)                                                                              \
	X(DE_RVNR, de_rvnr, EU)                                                                              \
	X(FR_NIR, fr_nir, EU)                                                                                \
	X(FR_SIREN, fr_siren, EU)                                                                            \
	X(FR_SIRET, fr_siret, EU)                                                                            \
	X(ES_NIF, es_nif, EU)                                                                                \
	X(ES_NIE, es_nie, EU)                                                                                \
	X(IT_CODICE_FISCALE, it_codice_fiscale, EU)                                                          \
	X(IT_PARTITA_IVA, it_partita_iva, EU)                                                                \
	X(PL_PESEL, pl_pesel, EU)                                                                            \
	X(SE_PERSONNUMMER, se_personnummer, EU)                                                              \
	X(FI_HETU, fi_hetu, EU)                                                                              \
	X(NL_BSN, nl_bsn, EU)                                                                                \
	X(BE_RRN, be_rrn, EU)                                                                                \
	X(CH_AHV, ch_ahv, COUNTRY)                                                                           \
	X(TR_TCKN, tr_tckn, COUNTRY)                                                                         \
	X(IN_AADHAAR, in_aadhaar, COUNTRY)                                                                   \
	X(IN_PAN, in_pan, COUNTRY)                                                                           \
	X(IN_GSTIN, in_gstin, COUNTRY)                                                                       \
	X(KR_RRN, kr_rrn, COUNTRY)                                                                           \
	X(SG_NRIC, sg_nric, COUNTRY)                                                                         \
	X(TH_TNIN, th_tnin, COUNTRY)                                                                         \
	X(BR_CPF, br_cpf, COUNTRY)                                                                           \
	X(BR_CNPJ, br_cnpj, COUNTRY)                                                                         \
	X(ZA_ID, za_id, COUNTRY)                                                                             \
	X(JP_MY_NUMBER, jp_my_number, COUNTRY)                                                               \
	X(NG_NIN, ng_nin, COUNTRY)                                                                           \
	X(PH_TIN, ph_tin, COUNTRY)                                                                           \
	X(PASSPORT, passport, GENERIC)                                                                       \
	X(DRIVER_LICENSE, driver_license, GENERIC)                                                           \
	X(PHONE, phone, GENERIC)

enum detector {
#define X(upper, lower, group) DETECT_##upper,
	DETECTORS(X)
#undef X
		DETECTOR_COUNT
};

#define DETECTOR_WORDS 2
_Static_assert(DETECTOR_COUNT <= 64 * DETECTOR_WORDS, "a set has a bit for each");

struct pattern;

struct detectors {
	uint64_t bits[DETECTOR_WORDS];
	/* The policy's own (mask/pattern.h), sorted by pattern_compare; borrowed. */
	const struct pattern *const *own;
	unsigned nown;
};

static inline bool detectors_has(const struct detectors *d, enum detector which)
{
	return d->bits[which / 64] >> (which % 64) & 1;
}
static inline void detectors_add(struct detectors *d, enum detector which)
{
	d->bits[which / 64] |= UINT64_C(1) << (which % 64);
}
bool detectors_none(const struct detectors *d);
unsigned detectors_count(const struct detectors *d);
int detectors_compare(const struct detectors *a, const struct detectors *b);
/* Whether every one of part is in whole. */
bool detectors_within(const struct detectors *part, const struct detectors *whole);
/* Lists of own ones live in a, or are those of x or y. false: no memory. */
MUSTCHECK bool detectors_union(
	struct detectors *out, const struct detectors *x, const struct detectors *y, struct arena *a);

/* "?" from DETECTOR_COUNT on. */
const char *detector_name(unsigned which);
/* Adds a detector, or all of a group: generic, secrets, us, de …, eu, all. false: there is none of that name.
 */
bool detectors_add_named(struct detectors *d, const char *name);
/* The i-th name that detectors_add_named knows, detectors first; NULL: there are no more. */
const char *detectors_name(unsigned i);

#endif
