//COMPILE_OPTIONS -encoding UTF-8
package local;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The rows of the sample database, computed on the server. (The encoding is named because JDK 17 else goes by the locale.)
 *
 * <p>Chance is a hash of the row's number, a number for the column and the seed, never random(): the same seed gives the
 * same rows, in whatever order the server works.
 */
final class SampleRows {
    private SampleRows() { }

    /** {@code {prose 69: 4}} in the text stands for four sentences about row n, by chance number 69 and the next seven. */
    private static final Pattern PROSE_WANTED = Pattern.compile("\\{prose (\\d+): (.+?)}");

    static String sql(int scale, int seed) {
        return PROSE_WANTED.matcher(ROWS).replaceAll(wanted -> Matcher.quoteReplacement(PROSE.replace(":salt", wanted.group(1)).replace(":sentences", wanted.group(2))))
            .replace(":scale", String.valueOf(scale)).replace(":seed", String.valueOf(seed));
    }

    /** Put in place as text, because PostgreSQL can't inline a function with an aggregate, and calling it takes longer than its work. */
    private static final String PROSE = """
        (select string_agg(pg_temp.pick(subjects, n * 64 + k, :salt) || ' ' || pg_temp.pick(verbs, n * 64 + k, :salt + 1) || ' ' || pg_temp.pick(places, n * 64 + k, :salt + 2)
        || case pg_temp.r(n * 64 + k, :salt + 3) % 5 when 0 then ' (dossier ' || pg_temp.r(n * 64 + k, :salt + 4) % 90000 || '). ' when 1 then ', soit ' || pg_temp.r(n * 64 + k, :salt + 5) % 12000
        || ',' || lpad((pg_temp.r(n * 64 + k, :salt + 6) % 100)::text, 2, '0') || ' $. ' when 2 then '; ' || lower(pg_temp.pick(closings, n * 64 + k, :salt + 7)) || ' ' else '. ' end, '')
        from generate_series(1, :sentences) k)""";

    private static final String ROWS = """
        create function pg_temp.r(n bigint, salt bigint) returns bigint language sql immutable as 'select hashint8extended(n, salt + :seed * 1000::bigint) & 9223372036854775807';
        create function pg_temp.upto(most bigint, n bigint, salt bigint) returns bigint language sql immutable as 'select 1 + pg_temp.r(n, salt) % most';
        create function pg_temp.pick(words text[], n bigint, salt bigint) returns text language sql immutable as 'select words[1 + pg_temp.r(n, salt) % cardinality(words)]';
        create function pg_temp.code(n bigint, salt bigint) returns uuid language sql immutable as $$ select md5(n || ' ' || salt || ' ' || :seed)::uuid $$;
        -- Minutes from January 2024 to October 2026, growing with the row's number as they do in life
        create function pg_temp.moment(n bigint, rows bigint, salt bigint) returns timestamptz language sql immutable as
            $$ select timestamptz '2024-01-02 08:00+00' + (n * 1440000 / rows + pg_temp.r(n, salt) % 2880) * interval '1 minute' $$;

        -- The target keeps the words uncompressed: they are looked at millions of times
        create temp table w with (toast_tuple_target = 8160) on commit drop as select
            array['Émilie','François','Noémie','Benoît','Chloé','Gaël','Zoé','André','Hélène','Jérôme','Maëlle','Loïc','Océane','Rémi','Anaïs','Stéphane','Léa','Mathieu','Sophie',
                'Étienne','Camille','Hugo','Béatrice','Cédric','Geneviève','Frédéric','Maude','Olivier','Inès','Raphaël'] first_names,
            array['Tremblay','Gagnon','Côté','Bélanger','Lévesque','L''Écuyer','D''Amours','Bouchard','Gauthier','Morin','Lavoie','Fortin','Gagné','Ouellet','Pelletier','Bergeron','Leblanc',
                'Paquette','Girard','Simard','Boucher','Caron','Beaulieu','Cloutier','Dubé','Poirier','Thériault','Sénéchal','Charbonneau','Saint-Pierre','O''Neil','Létourneau'] last_names,
            array['Québec','Lévis','Saint-Jérôme','Trois-Rivières','Sept-Îles','Rivière-du-Loup','Montréal','L''Assomption','Saguenay','Val-d''Or','Rimouski','Sherbrooke','Gaspé','Drummondville',
                'Matane','Baie-Comeau','Saint-Hyacinthe','Granby','Alma','Thetford Mines'] cities,
            array['rue Principale','chemin du Roy','boulevard Laurier','rang Saint-François','avenue des Érables','route de l''Église','rue du Pont','montée Sainte-Thérèse','rue des Forges',
                'chemin des Prés','avenue Cartier','côte de la Montagne'] streets,
            array['Excavation','Aménagement paysager','Transport','Ferme','Toitures','Location d''outils','Construction','Déneigement','Électricité','Menuiserie'] trades,
            array['fermée','à plateau','basculante','utilitaire','pour bateau','à fauchage','porte-auto','à bétail','de camping','pour motoneiges','à col de cygne','à rampe hydraulique'] kinds,
            array['noir mat','gris charbon','blanc','rouge','galvanisé','bleu nuit','vert forêt','jaune sécurité'] colours,
            array['roue de secours','pneus d''hiver','treuil électrique','rampe arrière','freins électriques','coffre à outils','éclairage DEL','béquille renforcée','garde-boue en aluminium',
                'attaches en D','toile de protection','boîte verrouillable','support à échelle','caméra de recul'] extras,
            array['Essieu','Moyeu','Roulement à billes','Attelage 2 po','Chaîne de sûreté','Feu arrière','Connecteur 7 broches','Ressort à lames','Tambour de frein','Vérin','Plancher de bois traité',
                'Charnière','Loquet','Pneu ST205/75R15','Jante','Garde-boue','Câble de rupture','Batterie 12 V'] part_names,
            array['La remorque','Le client','Notre atelier','Le fournisseur','L''essieu arrière','La livraison','Votre soumission','Le plancher','Le système de freinage','La garantie prolongée',
                'Le conseiller','L''attelage','La facture','Le dossier de financement','Le faisceau électrique','La rampe','Un technicien de Lévis','Le transporteur','Cette unité','Le modèle démonstrateur'] subjects,
            array['devra être inspecté avec soin','sera prêt pour la remise','n''a pas encore été confirmé','a été remplacé sans frais','convient pour un usage commercial','dépasse la capacité prévue',
                'peut être ajusté au besoin','a subi l''essai routier','demande une vérification annuelle','correspond à ce qui avait été convenu','reste à nos frais','part de l''usine',
                'fait l''objet d''un rappel','a montré une usure anormale','supporte la charge indiquée','revient moins cher que prévu','exige un dépôt','attend une pièce'] verbs,
            array['avant la première neige','selon le manuel du fabricant','à la succursale de Saint-Jérôme','malgré le délai annoncé','d''ici la fin du mois','pour la saison de pêche','avec les pneus d''origine',
                'au prix de l''an dernier','sans égard au kilométrage','dans les deux prochaines semaines','à la demande de l''assureur','conformément à l''homologation','à partir du quai de chargement',
                'si la météo le permet','après réception du paiement','en échange de l''ancienne','par le camion du mardi','sous réserve d''une inspection'] places,
            array['Merci de me rappeler.','Est-ce que le prix comprend l''immatriculation?','On en reparle demain matin.','J''aimerais réserver.','Pouvez-vous m''envoyer des photos?','Tout est en règle.',
                'Voir la pièce jointe.','À vérifier avec l''atelier.','Le client est d''accord.','Bonne journée!'] closings;

        insert into schema_migrations values ('20240102080000'), ('20240611134500'), ('20250318091500'), ('20260904160000');
        insert into branches (name, city, opening_hours) values ('Siège social', 'Québec', '{"lun-ven": ["08:00", "18:00"], "sam": ["09:00", "16:00"]}'),
            ('Succursale Rive-Sud', 'Lévis', '{"lun-ven": ["08:00", "17:30"], "sam": []}'), ('Succursale des Laurentides', 'Saint-Jérôme', '{"lun-ven": ["07:30", "17:00"], "note": "fermé l''hiver"}');
        insert into employees (branch_id, supervisor_id, first_name, last_name, email, hired_on)
            select 1 + n % 3, nullif((n - 1) / 6, 0), pg_temp.pick(first_names, n, 1), pg_temp.pick(last_names, n, 2), 'employe' || n || '@example.com', date '2012-03-01' + n * 97 from w, generate_series(1, 30) n;
        update branches set manager_id = id * 3;
        insert into customers (id, branch_id, first_name, last_name, company, email, phone, preferences, notes, created_at, updated_at)
            select n, pg_temp.upto(3, n, 11), pg_temp.pick(first_names, n, 12), pg_temp.pick(last_names, n, 13),
                case when pg_temp.r(n, 14) % 4 = 0 then pg_temp.pick(trades, n, 15) || ' ' || pg_temp.pick(last_names, n, 16) || ' et fils inc.' end,
                'client' || n || '.' || pg_temp.r(n, 17) % 1000 || '@example.com', '418 555-01' || lpad((pg_temp.r(n, 18) % 100)::text, 2, '0'),
                jsonb_build_object('langue', case when pg_temp.r(n, 19) % 9 = 0 then 'en' else 'fr' end, 'infolettre', pg_temp.r(n, 20) % 2 = 0, 'véhicule', jsonb_build_object('attelage', pg_temp.pick('{"2 po","1 7/8 po","2 5/16 po"}', n, 21), 'charge_kg', 1500 + pg_temp.r(n, 22) % 4000)),
                case when pg_temp.r(n, 23) % 3 = 0 then {prose 24: pg_temp.upto(3, n, 23)} end, pg_temp.moment(n, :scale * 800, 32), pg_temp.moment(n, :scale * 800, 32) + interval '3 days'
            from w, generate_series(1, :scale * 800) n;
        insert into addresses (id, customer_id, kind, street, city, postal)
            select n, pg_temp.upto(:scale * 800, n, 41), pg_temp.pick('{facturation,livraison,chantier}', n, 42), 1 + pg_temp.r(n, 43) % 9800 || ', ' || pg_temp.pick(streets, n, 44), pg_temp.pick(cities, n, 45),
                'G' || pg_temp.r(n, 46) % 10 || chr(65 + (pg_temp.r(n, 47) % 26)::int) || ' ' || pg_temp.r(n, 48) % 10 || chr(65 + (pg_temp.r(n, 49) % 26)::int) || pg_temp.r(n, 50) % 10
            from w, generate_series(1, :scale * 1000) n;
        insert into "Modèles d'essieux" select 'Torsion ' || n * 500 || ' kg «' || colours[n] || '»', n * 500, 210.50 * n from w, generate_series(1, 8) n;
        insert into trailer_models (name, axle, length_feet, specification)
            select 'Remorque ' || kinds[1 + n % 12] || ' ' || 8 + n % 17 || ' pi', (select "Nom" from "Modèles d'essieux" where "Capacité (kg)" = 500 * (1 + n % 8)), 8 + n % 17,
                jsonb_build_object('essieux', 1 + n % 3, 'largeur_po', 60 + n, 'freins', n % 2 = 0, 'matériau', colours[1 + n % 8]) from w, generate_series(1, 40) n;
        insert into trailers select n, pg_temp.upto(40, n, 61), pg_temp.upto(3, n, 62), '2PR' || upper(substr(pg_temp.code(n, 63)::text, 1, 8)) || lpad(n::text, 8, '0'),
                pg_temp.pick(enum_range(null::trailer_state)::text[], n, 64)::trailer_state, 1495 + (pg_temp.r(n, 65) % 3800000) / 100.0, pg_temp.pick(colours, n, 66),
                'Remorque ' || pg_temp.pick(kinds, n, 67) || ', ' || pg_temp.pick(extras, n, 68) || '. ' || {prose 69: 2 + pg_temp.upto(4, n, 68)},
                array[pg_temp.pick(extras, n, 77), pg_temp.pick(extras, n, 78)], pg_temp.moment(n, :scale * 400, 79)::date
            from w, generate_series(1, :scale * 400) n;
        insert into trailer_photos select n, pg_temp.upto(:scale * 400, n, 91), 'Vue n° ' || n || ' d''ensemble', '\\xffd8ffe000104a464946'::bytea
                || (select string_agg(sha512(convert_to(n || '/' || k || '/:seed', 'UTF8')), '' order by k) from generate_series(1, 120 + pg_temp.r(n, 92) % 120) k) from generate_series(1, :scale * 4) n;
        insert into suppliers (name, terms) select 'Fournisseur ' || cities[1 + n % 20] || ' n° ' || n, jsonb_build_object('jours', 30 + n % 3 * 15, 'escompte', n % 4) from w, generate_series(1, 25) n;
        insert into parts select n, pg_temp.upto(25, n, 101), 'P-' || lpad(n::text, 7, '0') || '-' || substr(pg_temp.code(n, 102)::text, 1, 4), pg_temp.pick(part_names, n, 103) || ' ' || pg_temp.pick(colours, n, 104),
                0.99 + (pg_temp.r(n, 105) % 90000) / 100.0, int4range((500 + pg_temp.r(n, 106) % 3000)::int, (3500 + pg_temp.r(n, 107) % 3000)::int) from w, generate_series(1, :scale * 250) n;
        insert into stock_movements select n, pg_temp.upto(:scale * 250, n, 111), pg_temp.upto(3, n, 112), pg_temp.r(n, 113) % 21 - 10, pg_temp.moment(n, :scale * 2000, 114),
                pg_temp.pick('{réception,vente,"retour d''un client",inventaire,NULL}', n, 115) from generate_series(1, :scale * 2000) n;
        insert into quotes (id, public_id, customer_id, trailer_id, employee_id, status, total, message, created_at, updated_at)
            select n, pg_temp.code(n, 121), pg_temp.upto(:scale * 800, n, 122), pg_temp.upto(:scale * 400, n, 123), pg_temp.upto(30, n, 124), pg_temp.pick(enum_range(null::quote_status)::text[], n, 125)::quote_status,
                1495 + (pg_temp.r(n, 126) % 4200000) / 100.0, {prose 127: pg_temp.upto(4, n, 126)}, pg_temp.moment(n, :scale * 1200, 135), pg_temp.moment(n, :scale * 1200, 135) + interval '2 days'
            from w, generate_series(1, :scale * 1200) n;
        insert into quote_lines select q, l, pg_temp.pick(extras, q * 8 + l, 141) || ', ' || pg_temp.pick(colours, q * 8 + l, 142), pg_temp.upto(4, q * 8 + l, 143), 10 + (pg_temp.r(q * 8 + l, 144) % 250000) / 100.0
            from w, generate_series(1, :scale * 1200) q, generate_series(1, 2 + pg_temp.r(q, 145) % 4) l;
        insert into invoices select n, 'F-' || 10000 + n, q.id, q.customer_id, q.total, q.created_at::date, q.created_at::date + 30, pg_temp.r(n, 151) % 10 > 0
            from generate_series(1, :scale * 800) n join quotes q on q.id = n * 3 / 2 order by n;
        insert into invoice_lines select i, l, pg_temp.upto(:scale * 250, i * 8 + l, 161), pg_temp.pick(part_names, i * 8 + l, 162) || ' – ' || pg_temp.pick(extras, i * 8 + l, 163), pg_temp.upto(6, i * 8 + l, 164),
                1 + (pg_temp.r(i * 8 + l, 165) % 90000) / 100.0 from w, generate_series(1, :scale * 800) i, generate_series(1, 2 + pg_temp.r(i, 166) % 4) l;
        insert into payments select i.id, i.id, i.total, pg_temp.pick('{comptant,"carte de crédit",chèque,virement,financement}', i.id, 171), replace(pg_temp.code(i.id, 172)::text, '-', ''), i.issued_on + interval '9 days 14 hours'
            from invoices i where i.paid order by i.id;
        insert into appointments select n, pg_temp.upto(:scale * 800, n, 181), pg_temp.upto(30, n, 182), tstzrange(pg_temp.moment(n, :scale * 700, 183), pg_temp.moment(n, :scale * 700, 183) + interval '45 minutes'),
                pg_temp.pick('{"essai d''un attelage","remise des clés",inspection,"choix de la couleur",financement}', n, 184) || ' – ' || pg_temp.pick(cities, n, 185) from w, generate_series(1, :scale * 700) n;
        insert into work_orders select n, pg_temp.upto(:scale * 400, n, 191), pg_temp.upto(30, n, 192), pg_temp.moment(n, :scale * 700, 193), (25 + pg_temp.r(n, 194) % 2000) / 100.0,
                {prose 195: 2 + pg_temp.upto(8, n, 194)} from w, generate_series(1, :scale * 700) n;
        insert into messages select n, pg_temp.upto(:scale * 800, n, 211), pg_temp.moment(n, :scale * 2400, 212), pg_temp.pick(subjects, n, 213) || ' ' || pg_temp.pick(places, n, 214),
                'Bonjour,' || chr(10) || chr(10) || {prose 215: 3 + pg_temp.upto(12, n, 214)} || chr(10) || pg_temp.pick(closings, n, 223) || chr(9) || '— ' || pg_temp.pick(first_names, n, 224),
                jsonb_build_object('message-id', pg_temp.code(n, 225) || '@example.com', 'canal', pg_temp.pick('{courriel,formulaire,texto}', n, 226), 'lu', pg_temp.r(n, 227) % 8 > 0) from w, generate_series(1, :scale * 2400) n;
        insert into activity select n, pg_temp.moment(n, :scale * 5000, 231), nullif(pg_temp.r(n, 232) % 31, 0), pg_temp.code(n / 7, 233),
                jsonb_build_object('action', pg_temp.pick('{connexion,consultation,modification,recherche,impression,"envoi d''une soumission"}', n, 234), 'chemin', '/' || pg_temp.pick('{clients,remorques,soumissions,factures,atelier}', n, 235) || '/' || pg_temp.r(n, 236) % (:scale * 1000),
                    'durée_ms', pg_temp.r(n, 237) % 4000, 'adresse', '203.0.113.' || pg_temp.r(n / 7, 238) % 256, 'mots', pg_temp.pick(kinds, n, 239) || ' ' || pg_temp.pick(colours, n, 240)) from w, generate_series(1, :scale * 5000) n;
        insert into documents (title, content) select 'Catalogue ' || 2023 + n || ' – l''édition «complète»', lo_from_bytea((700000 + n)::oid, convert_to({prose 251: 400}, 'UTF8')) from w, generate_series(1, 3) n;
        insert into settings values ('taxes', '{"tps": 0.05, "tvq": 0.09975}'), ('courriel d''accueil', '"Bienvenue chez nous!\\nÀ bientôt."'), ('vide', 'null');

        select setval(pg_get_serial_sequence(name, 'id'), :scale * 10000::bigint) from unnest('{customers,addresses,trailers,trailer_photos,parts,stock_movements,quotes,invoices,payments,appointments,work_orders,messages,activity}'::text[]) name;
        select setval('invoice_numbers', 10000 + :scale * 800);
        """;
}
