package report;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import ops.BackupFolder;
import ops.Exit;
import smoke.Kept;
import smoke.Outcome;

/** The four answers that come first: good is only what was checked, and not too long ago. */
final class Verdict {
    private static final int LONGEST = 180;

    final List<Answer> answers;
    final State state;
    private final Bucket bucket;
    private final Goals goals;

    Verdict(Bucket bucket, Goals goals) {
        this.bucket = bucket;
        this.goals = goals;
        answers = List.of(backup(), drill(), release(), smoke());
        state = answers.stream().map(Answer::state).reduce(State.none, State::worse);
    }

    /** All of it in one sentence. */
    Words sentence() {
        var wrong = answers.stream().filter(answer -> answer.state() == state).count();
        return switch (state) {
            case none -> new Words("Nothing has been done here yet", "Rien n'a encore été fait ici");
            case good -> new Words("All that was checked is good", "Tout ce qui a été vérifié est bon");
            case attention -> wrong == 1 ? new Words("One thing wants attention", "Un point demande attention") : new Words("%s things want attention", "%s points demandent attention").with(wrong);
            case unknown -> wrong == 1 ? new Words("One thing can't be told", "Un point reste indéterminé") : new Words("%s things can't be told", "%s points restent indéterminés").with(wrong);
            case problem -> wrong == 1 ? new Words("There is a problem", "Il y a un problème") : new Words("There are %s problems", "Il y a %s problèmes").with(wrong);
        };
    }

    private Answer backup() {
        var of = new Words("Last backup", "Dernière sauvegarde");
        var make = "./jbang backup-db --env " + bucket.env;
        var newest = bucket.backups.stream().filter(backup -> !backup.isSafety()).findFirst();
        if (newest.isEmpty()) return new Answer(of, bucket.isEmpty() ? State.none : State.problem, new Words("there is none", "il n'y en a pas"), List.of(), make);
        var backup = newest.get();
        var state = State.good;
        var details = new ArrayList<Words>();
        details.add(Words.same(Words.minute(backup.began()) + " · " + backup.folder().id().replaceFirst(".*-", "")));
        if (backup.proof().isEmpty()) {
            state = State.unknown;
            details.add(new Words("its manifest can't be read", "son manifeste ne peut pas être lu"));
        } else {
            var proof = backup.proof().get();
            details.add(new Words("%s, %s tables", "%s, %s tables").with(Words.bytes(backup.bytes()), backup.manifest().tables().size()));
            details.add(new Words("proof: %s", "preuve : %s").with(Grade.of(proof).words()));
            if (proof.broken()) state = State.problem;
            if (!backup.manifest().selection().isWhole()) {
                state = state.worse(State.attention);
                details.add(new Words("it is of a part of the database only", "elle ne contient qu'une partie de la base"));
            }
        }
        if (backup.began().isBefore(bucket.now.minus(goals.backup()))) {
            state = State.problem;
            details.add(new Words("older than %s h", "plus de %s h").with(goals.backup().toHours()));
        }
        var last = bucket.runs("backup-db").findFirst();
        if (last.isPresent() && !last.get().isDone() && last.get().at().isAfter(backup.began())) {
            state = state.worse(State.attention);
            details.add(new Words("a later attempt failed: %s", "une tentative plus récente a échoué : %s").with(Html.brief(last.get().why(), LONGEST)));
        }
        var copy = bucket.runs("backup-db").filter(Past::isDone).findFirst().map(Past::copy);
        if (copy.isPresent() && copy.get().problem() != null) {
            state = state.worse(State.attention);
            details.add(new Words("not copied to %s", "pas copiée vers %s").with(copy.get().to()));
            if (state == State.attention) make = copy.get().later();
        }
        return new Answer(of, state, Words.age(backup.began(), bucket.now), details, state == State.good ? null : make);
    }

    private Answer drill() {
        var of = new Words("Last restore drill", "Dernier exercice de restauration");
        var next = "./jbang backups drill latest --env " + bucket.env;
        var last = bucket.drills().findFirst();
        var attempt = bucket.runs("backups drill").findFirst().filter(run -> !run.isDone() && (last.isEmpty() || run.at().isAfter(at(last.get()).plusSeconds(60))));
        if (last.isEmpty() && attempt.isEmpty()) return new Answer(of, bucket.isEmpty() ? State.none : State.attention, new Words("there was none", "il n'y en a pas eu"), List.of(), next);
        var details = new ArrayList<Words>();
        var state = State.good;
        if (last.isPresent()) {
            var drill = last.get();
            details.add(Words.same(Words.minute(at(drill))));
            if (!drill.passed()) {
                state = State.problem;
                details.add(new Words("it did not pass: %s", "il n'a pas réussi : %s").with(Html.brief(String.valueOf(drill.problem()), LONGEST)));
            } else {
                details.add(took(drill));
                if (drill.rows() != null) details.add(new Words("%s in %s tables compared", "%s dans %s tables comparées").with(Words.count(drill.rows(), "row", "rows", "ligne", "lignes"), drill.tables()));
                if (drill.notRestorable() != null) details.add(new Words("without %s", "sans %s").with(String.join(", ", drill.notRestorable())));
            }
            if (drill.passed() && goals.restore().filter(goal -> seconds(drill) > goal.toSeconds()).isPresent()) state = State.attention;
            if (at(drill).isBefore(bucket.now.minus(goals.drill()))) {
                state = state.worse(State.attention);
                details.add(new Words("older than %s days", "plus de %s jours").with(goals.drill().toDays()));
            }
        }
        if (attempt.isPresent()) {
            state = state.worse(State.attention);
            details.add(new Words("a later attempt failed: %s", "une tentative plus récente a échoué : %s").with(Html.brief(attempt.get().why(), LONGEST)));
        }
        return new Answer(of, state, Words.age(last.map(Verdict::at).orElseGet(() -> attempt.get().at()), bucket.now), details, state == State.good ? null : next);
    }

    private Words took(BackupFolder.Evidence drill) {
        var time = Words.time(seconds(drill));
        return goals.restore().map(goal -> new Words("took %s; the goal is %s", "a pris %s ; l'objectif est de %s").with(time, Words.time(goal.toSeconds())))
            .orElseGet(() -> new Words("took %s; no goal is set", "a pris %s ; aucun objectif n'est fixé").with(time));
    }

    private Answer release() {
        var of = new Words("Last deploy", "Dernier déploiement");
        var last = bucket.runs("deploy", "rollback").filter(run -> !run.isRefused()).findFirst();
        if (last.isEmpty()) return new Answer(of, State.none, new Words("there was none", "il n'y en a pas eu"), List.of(), bucket.isEmpty() && goals.hasSite() ? "./jbang deploy --env " + bucket.env + " --dry-run" : null);
        var run = last.get();
        var details = new ArrayList<Words>(List.of(Words.same(Words.minute(run.at()))));
        if (run.commit() != null) details.add(Words.same(Html.brief(run.commit(), 12).replace("…", "") + (run.subject() == null ? "" : " " + Html.brief(run.subject(), 60))));
        var state = run.is("deploy") && run.isDone() ? State.good : run.ended(Exit.VERIFICATION) ? State.problem : run.exit() == null || run.ended(Exit.UNKNOWN) || run.ended(Exit.BUG) ? State.unknown : State.attention;
        details.add(Ending.of(run));
        if (!run.why().isEmpty()) details.add(Words.same(Html.brief(run.why(), LONGEST)));
        return new Answer(of, state, Words.age(run.at(), bucket.now), details, state == State.good ? null : "./jbang rollback --env " + bucket.env + " --list");
    }

    private Answer smoke() {
        var of = new Words("Last smoke test", "Dernier smoke test");
        var next = "./jbang smoke-tests --env " + bucket.env;
        var last = bucket.runs("smoke-tests").filter(run -> run.checks() != null).findFirst();
        if (last.isEmpty()) return new Answer(of, bucket.isEmpty() || !goals.hasSite() ? State.none : State.unknown, new Words("there was none", "il n'y en a pas eu"), List.of(), goals.hasSite() ? next : null);
        var run = last.get();
        var state = run.checks().stream().map(Verdict::state).reduce(State.good, State::worse);
        var details = new ArrayList<Words>(List.of(Words.same(Words.minute(run.at())), new Words("%s of %s checks pass", "%s vérifications sur %s réussissent").with(passes(run), run.checks().size())));
        run.checks().stream().filter(check -> state(check) != State.good).limit(3).forEach(check -> details.add(new Words("%s: %s", "%s : %s").with(CheckTitle.of(check), Html.brief(String.valueOf(check.what()), LONGEST))));
        if (run.at().isBefore(bucket.now.minus(Goals.SMOKE))) {
            state = state.worse(State.unknown);
            details.add(new Words("too long ago to tell how the site is now", "trop ancien pour dire comment va le site maintenant"));
        }
        return new Answer(of, state, Words.age(run.at(), bucket.now), details, state == State.good ? null : next);
    }

    private static long passes(Past run) { return run.checks().stream().filter(check -> check.outcome() == Outcome.pass).count(); }

    static State state(Kept check) {
        return switch (check.outcome()) { case pass -> check.warning() ? State.attention : State.good; case fail -> State.problem; case unknown -> State.unknown; };
    }

    static Instant at(BackupFolder.Evidence evidence) { return Instant.parse(evidence.at()); }

    static double seconds(BackupFolder.Evidence evidence) { return evidence.seconds(); }
}
