/* SPDX-License-Identifier: MIT */
#include "mask/words.h"

#include <string.h>

#include "base/attr.h"
#include "mask/finder.h"

#define WORD_MAX 32
#define D(which) DETECT_##which

/* Sorted; in small letters without accents, as the normal form has them. A list ends with what no word speaks
 * for. Words of the languages in which the number is written. */
#define NOBODY DETECT_EMAIL
static const struct {
	const char *word;
	uint8_t for_whom[6];
} words[] = {
	{"aadhaar", {D(IN_AADHAAR)}},
	{"aadhar", {D(IN_AADHAAR)}},
	{"aba", {D(US_ABA)}},
	{"abarouting", {D(US_ABA)}},
	{"abn", {D(AU_ABN)}},
	{"accesskey", {D(SECRET)}},
	{"acn", {D(AU_ACN)}},
	{"addr", {D(IP)}},
	{"address", {D(UK_POSTCODE)}},
	{"age", {D(AGE)}},
	{"aged", {D(AGE)}},
	{"ahv", {D(CH_AHV)}},
	{"ahvnr", {D(CH_AHV)}},
	{"alder", {D(AGE)}},
	{"alter", {D(AGE)}},
	{"amazon", {D(CLOUD_KEY)}},
	{"apikey", {D(SECRET)}},
	{"auth", {D(SECRET)}},
	{"authtoken", {D(SECRET)}},
	{"avs", {D(CH_AHV)}},
	{"aws", {D(CLOUD_KEY)}},
	{"bank", {D(US_ABA)}},
	{"bastidor", {D(VIN)}},
	{"bday", {D(BIRTH_DATE)}},
	{"beneficiary", {D(US_MBI)}},
	{"bic", {D(BIC)}},
	{"bics", {D(BIC)}},
	{"bir", {D(PH_TIN)}},
	{"birth", {D(BIRTH_DATE)}},
	{"birthdate", {D(BIRTH_DATE)}},
	{"birthday", {D(BIRTH_DATE)}},
	{"birthdays", {D(BIRTH_DATE)}},
	{"born", {D(BIRTH_DATE)}},
	{"bsn", {D(NL_BSN)}},
	{"burgerservicenummer", {D(NL_BSN)}},
	{"business", {D(AU_ABN)}},
	{"call", {D(PHONE)}},
	{"callback", {D(PHONE)}},
	{"cell", {D(PHONE)}},
	{"cellphone", {D(PHONE)}},
	{"cf", {D(IT_CODICE_FISCALE)}},
	{"chassis", {D(VIN)}},
	{"cid", {D(CVV)}},
	{"cif", {D(ES_NIF)}},
	{"citizen", {D(TH_TNIN)}},
	{"cnpj", {D(BR_CNPJ)}},
	{"codicefiscale", {D(IT_CODICE_FISCALE)}},
	{"company", {D(AU_ACN)}},
	{"coord", {D(COORDINATES)}},
	{"coordinate", {D(COORDINATES)}},
	{"coordinates", {D(COORDINATES)}},
	{"coords", {D(COORDINATES)}},
	{"cpf", {D(BR_CPF)}},
	{"credential", {D(SECRET)}},
	{"credentials", {D(SECRET)}},
	{"csc", {D(CVV)}},
	{"cvc", {D(CVV)}},
	{"cvn", {D(CVV)}},
	{"cvv", {D(CVV)}},
	{"cvvs", {D(CVV)}},
	{"dateofbirth", {D(BIRTH_DATE)}},
	{"device", {D(IMEI)}},
	{"dial", {D(PHONE)}},
	{"dl", {D(DRIVER_LICENSE)}},
	{"dln", {D(DRIVER_LICENSE)}},
	{"dni", {D(ES_NIF)}},
	{"dob", {D(BIRTH_DATE)}},
	{"driver", {D(DRIVER_LICENSE)}},
	{"drivers", {D(DRIVER_LICENSE)}},
	{"driving", {D(DRIVER_LICENSE)}},
	{"edad", {D(AGE)}},
	{"ein", {D(US_EIN)}},
	{"employer", {D(US_EIN)}},
	{"eta", {D(AGE)}},
	{"fahrgestellnummer", {D(VIN)}},
	{"fahrzeugidentifikationsnummer", {D(VIN)}},
	{"fax", {D(PHONE)}},
	{"fein", {D(US_EIN)}},
	{"fin", {D(VIN), D(SG_NRIC)}},
	{"fiscale", {D(IT_CODICE_FISCALE)}},
	{"fodd", {D(BIRTH_DATE)}},
	{"fodelsedatum", {D(BIRTH_DATE)}},
	{"fuhrerschein", {D(DRIVER_LICENSE)}},
	{"fuhrerscheinnummer", {D(DRIVER_LICENSE)}},
	{"geb", {D(BIRTH_DATE)}},
	{"geboortedatum", {D(BIRTH_DATE)}},
	{"geboren", {D(BIRTH_DATE)}},
	{"geburtsdatum", {D(BIRTH_DATE)}},
	{"geburtstag", {D(BIRTH_DATE)}},
	{"geo", {D(COORDINATES)}},
	{"gps", {D(COORDINATES)}},
	{"gst", {D(IN_GSTIN)}},
	{"gstin", {D(IN_GSTIN)}},
	{"handset", {D(IMEI)}},
	{"handy", {D(PHONE)}},
	{"henkilotunnus", {D(FI_HETU)}},
	{"hetu", {D(FI_HETU)}},
	{"hmrc", {D(UK_UTR)}},
	{"host", {D(IP)}},
	{"hotline", {D(PHONE)}},
	{"iccid", {D(ICCID)}},
	{"idade", {D(AGE)}},
	{"identifikationsnummer", {D(DE_IDNR)}},
	{"identity", {D(ZA_ID)}},
	{"idnr", {D(DE_IDNR)}},
	{"imei", {D(IMEI)}},
	{"imeis", {D(IMEI)}},
	{"imeisv", {D(IMEI)}},
	{"individual", {D(JP_MY_NUMBER)}},
	{"insee", {D(FR_NIR)}},
	{"insurance", {D(UK_NINO), D(CA_SIN)}},
	{"insz", {D(BE_RRN)}},
	{"ip", {D(IP)}},
	{"ipv", {D(IP)}},
	{"itin", {D(US_SSN), D(US_ITIN)}},
	{"iva", {D(IT_PARTITA_IVA)}},
	{"jumin", {D(KR_RRN)}},
	{"key", {D(SECRET)}},
	{"keys", {D(SECRET)}},
	{"kimlik", {D(TR_TCKN)}},
	{"kojinbango", {D(JP_MY_NUMBER)}},
	{"lat", {D(COORDINATES)}},
	{"latitude", {D(COORDINATES)}},
	{"latlng", {D(COORDINATES)}},
	{"latlon", {D(COORDINATES)}},
	{"leeftijd", {D(AGE)}},
	{"licence", {D(DRIVER_LICENSE)}},
	{"license", {D(DRIVER_LICENSE)}},
	{"licenses", {D(DRIVER_LICENSE)}},
	{"lng", {D(COORDINATES)}},
	{"location", {D(COORDINATES)}},
	{"lon", {D(COORDINATES)}},
	{"long", {D(COORDINATES)}},
	{"longitude", {D(COORDINATES)}},
	{"mbi", {D(US_MBI)}},
	{"medicare", {D(US_MBI), D(AU_MEDICARE)}},
	{"mob", {D(PHONE)}},
	{"mobil", {D(PHONE)}},
	{"mobile", {D(PHONE)}},
	{"movil", {D(PHONE)}},
	{"msisdn", {D(PHONE)}},
	{"my", {D(JP_MY_NUMBER)}},
	{"mynumber", {D(JP_MY_NUMBER)}},
	{"nacida", {D(BIRTH_DATE)}},
	{"nacido", {D(BIRTH_DATE)}},
	{"nacimiento", {D(BIRTH_DATE)}},
	{"naissance", {D(BIRTH_DATE)}},
	{"nas", {D(CA_SIN)}},
	{"nascida", {D(BIRTH_DATE)}},
	{"nascido", {D(BIRTH_DATE)}},
	{"nascimento", {D(BIRTH_DATE)}},
	{"nascita", {D(BIRTH_DATE)}},
	{"nata", {D(BIRTH_DATE)}},
	{"nato", {D(BIRTH_DATE)}},
	{"ne", {D(BIRTH_DATE)}},
	{"nee", {D(BIRTH_DATE)}},
	{"nhs", {D(UK_NHS)}},
	{"ni", {D(UK_NINO)}},
	{"nie", {D(ES_NIE)}},
	{"nif", {D(ES_NIF), D(ES_NIE)}},
	{"nimc", {D(NG_NIN)}},
	{"nin", {D(UK_NINO), D(NG_NIN)}},
	{"nino", {D(UK_NINO)}},
	{"nir", {D(FR_NIR)}},
	{"niss", {D(BE_RRN)}},
	{"nn", {D(BE_RRN)}},
	{"npi", {D(US_NPI)}},
	{"npis", {D(US_NPI)}},
	{"nppes", {D(US_NPI)}},
	{"nric", {D(SG_NRIC)}},
	{"oasi", {D(CH_AHV)}},
	{"pan", {D(IN_PAN)}},
	{"partita", {D(IT_PARTITA_IVA)}},
	{"partitaiva", {D(IT_PARTITA_IVA)}},
	{"pasaporte", {D(PASSPORT)}},
	{"paspoort", {D(PASSPORT)}},
	{"pass", {D(PASSPORT)}},
	{"passaporte", {D(PASSPORT)}},
	{"passaporto", {D(PASSPORT)}},
	{"passeport", {D(PASSPORT)}},
	{"passnummer", {D(PASSPORT)}},
	{"passphrase", {D(SECRET)}},
	{"passport", {D(PASSPORT)}},
	{"passports", {D(PASSPORT)}},
	{"passwd", {D(SECRET)}},
	{"password", {D(SECRET)}},
	{"passwords", {D(SECRET)}},
	{"paszport", {D(PASSPORT)}},
	{"patente", {D(DRIVER_LICENSE)}},
	{"patient", {D(UK_NHS)}},
	{"permis", {D(DRIVER_LICENSE)}},
	{"personnr", {D(SE_PERSONNUMMER)}},
	{"personnummer", {D(SE_PERSONNUMMER)}},
	{"pesel", {D(PL_PESEL)}},
	{"ph", {D(PHONE)}},
	{"phone", {D(PHONE)}},
	{"phoneno", {D(PHONE)}},
	{"phones", {D(PHONE)}},
	{"piva", {D(IT_PARTITA_IVA)}},
	{"pnr", {D(SE_PERSONNUMMER)}},
	{"position", {D(COORDINATES)}},
	{"post", {D(UK_POSTCODE)}},
	{"postal", {D(UK_POSTCODE)}},
	{"postcode", {D(UK_POSTCODE)}},
	{"postcodes", {D(UK_POSTCODE)}},
	{"provider", {D(US_NPI)}},
	{"pwd", {D(SECRET)}},
	{"rcs", {D(FR_SIREN)}},
	{"registre", {D(BE_RRN)}},
	{"reisepass", {D(PASSPORT)}},
	{"reisepassnummer", {D(PASSPORT)}},
	{"rentenversicherung", {D(DE_RVNR)}},
	{"rentenversicherungsnummer", {D(DE_RVNR)}},
	{"resident", {D(KR_RRN)}},
	{"rijbewijs", {D(DRIVER_LICENSE)}},
	{"rijksregister", {D(BE_RRN)}},
	{"rijksregisternummer", {D(BE_RRN)}},
	{"routing", {D(US_ABA)}},
	{"routingnumber", {D(US_ABA)}},
	{"rrn", {D(BE_RRN), D(KR_RRN)}},
	{"rsaid", {D(ZA_ID)}},
	{"rtn", {D(US_ABA)}},
	{"rvnr", {D(DE_RVNR)}},
	{"said", {D(ZA_ID)}},
	{"samordningsnummer", {D(SE_PERSONNUMMER)}},
	{"secret", {D(SECRET)}},
	{"secretkey", {D(SECRET)}},
	{"secrets", {D(SECRET)}},
	{"secu", {D(FR_NIR)}},
	{"securite", {D(FR_NIR)}},
	{"self", {D(UK_UTR)}},
	{"sim", {D(ICCID)}},
	{"simcard", {D(ICCID)}},
	{"sin", {D(CA_SIN)}},
	{"sins", {D(CA_SIN)}},
	{"siren", {D(FR_SIREN)}},
	{"siret", {D(FR_SIRET)}},
	{"sms", {D(PHONE)}},
	{"social", {D(US_SSN), D(CA_SIN)}},
	{"sociale", {D(FR_NIR)}},
	{"socsec", {D(US_SSN)}},
	{"sofi", {D(NL_BSN)}},
	{"sofinummer", {D(NL_BSN)}},
	{"sozialversicherung", {D(DE_RVNR)}},
	{"sozialversicherungsnummer", {D(DE_RVNR)}},
	{"ssn", {D(US_SSN)}},
	{"ssns", {D(US_SSN)}},
	{"steuer", {D(DE_IDNR)}},
	{"steuerid", {D(DE_IDNR)}},
	{"steueridentifikationsnummer", {D(DE_IDNR)}},
	{"steueridnr", {D(DE_IDNR)}},
	{"steuernummer", {D(DE_IDNR)}},
	{"svnr", {D(DE_RVNR)}},
	{"swift", {D(BIC)}},
	{"swiftbic", {D(BIC)}},
	{"syntymaaika", {D(BIRTH_DATE)}},
	{"tax", {D(US_ITIN), D(US_EIN), D(UK_UTR), D(AU_TFN)}},
	{"taxid", {D(US_EIN)}},
	{"taxpayer", {D(US_ITIN), D(UK_UTR), D(PH_TIN)}},
	{"tc", {D(TR_TCKN)}},
	{"tckn", {D(TR_TCKN)}},
	{"tel", {D(PHONE)}},
	{"telefon", {D(PHONE)}},
	{"telefone", {D(PHONE)}},
	{"telefono", {D(PHONE)}},
	{"telephone", {D(PHONE)}},
	{"telnr", {D(PHONE)}},
	{"tels", {D(PHONE)}},
	{"tfn", {D(AU_TFN)}},
	{"thai", {D(TH_TNIN)}},
	{"tin", {D(US_SSN), D(US_ITIN), D(US_EIN), D(DE_IDNR), D(PH_TIN)}},
	{"tnin", {D(TH_TNIN)}},
	{"token", {D(SECRET)}},
	{"tokens", {D(SECRET)}},
	{"transit", {D(US_ABA)}},
	{"uid", {D(IN_AADHAAR)}},
	{"uidai", {D(IN_AADHAAR)}},
	{"urodzenia", {D(BIRTH_DATE)}},
	{"urodzona", {D(BIRTH_DATE)}},
	{"urodzony", {D(BIRTH_DATE)}},
	{"utr", {D(UK_UTR)}},
	{"utrs", {D(UK_UTR)}},
	{"vehicle", {D(VIN)}},
	{"versicherungsnummer", {D(DE_RVNR)}},
	{"vin", {D(VIN)}},
	{"vins", {D(VIN)}},
	{"whatsapp", {D(PHONE)}},
	{"wiek", {D(AGE)}},
	{"zip", {D(UK_POSTCODE)}},
};

_Static_assert(NOBODY == 0, "the rest of a list is zero");

static void look_up(struct detectors *out, const char *word)
{
	size_t lo = 0, hi = ARRAY_LEN(words);

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int r = strcmp(words[mid].word, word);

		if (r == 0) {
			for (size_t i = 0;
				i < sizeof(words[mid].for_whom) && words[mid].for_whom[i] != NOBODY; i++)
				detectors_add(out, words[mid].for_whom[i]);
			return;
		}
		if (r < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
}

/* Also what is no letter of ours: it does not end a word. */
static bool is_part(uint8_t c)
{
	return is_letter(c) || c >= 0x80;
}

static bool is_hump(const uint8_t *b, size_t i)
{
	return is_upper(b[i]) && b[i - 1] >= 'a' && b[i - 1] <= 'z';
}

void words_of(struct detectors *out, const uint8_t *b, size_t from, size_t to)
{
	size_t i = from;

	/* Cut off in front, it is another word. */
	while (i < to && i && is_part(b[i]) && is_part(b[i - 1]) && !is_hump(b, i))
		i++;
	while (i < to) {
		char word[WORD_MAX + 1];
		size_t n = 0, start = i;

		while (i < to && is_part(b[i]) && (i == start || !is_hump(b, i))) {
			if (n < WORD_MAX)
				word[n++] = (char)(b[i] | (is_letter(b[i]) ? 0x20 : 0));
			i++;
		}
		if (n >= 2 && i - start <= WORD_MAX) {
			word[n] = '\0';
			look_up(out, word);
		}
		i += i == start;
	}
}
