//SOURCES Amount.java
//SOURCES Archive.java
//SOURCES BackupFolder.java
//SOURCES BackupPlace.java
//SOURCES Clocks.java
//SOURCES Comparison.java
//SOURCES Confirmation.java
//SOURCES Conformance.java
//SOURCES Console.java
//SOURCES Copy.java
//SOURCES CopySessions.java
//SOURCES Database.java
//SOURCES DatabaseLocale.java
//SOURCES DatabaseProperties.java
//SOURCES DatabaseScript.java
//SOURCES DatabaseTarget.java
//SOURCES DatabaseUrl.java
//SOURCES Definition.java
//SOURCES Division.java
//SOURCES Download.java
//SOURCES Dump.java
//SOURCES EnvFile.java
//SOURCES Exit.java
//SOURCES Failure.java
//SOURCES Fate.java
//SOURCES FolderLock.java
//SOURCES Guard.java
//SOURCES History.java
//SOURCES Home.java
//SOURCES Host.java
//SOURCES Json.java
//SOURCES Lasting.java
//SOURCES Latest.java
//SOURCES LeftBehind.java
//SOURCES Leftovers.java
//SOURCES Lifeline.java
//SOURCES Listing.java
//SOURCES Load.java
//SOURCES Lock.java
//SOURCES LockTable.java
//SOURCES LogFolder.java
//SOURCES MachineLimit.java
//SOURCES Manifest.java
//SOURCES Md5.java
//SOURCES Mending.java
//SOURCES Mislaid.java
//SOURCES NativeCode.java
//SOURCES Outside.java
//SOURCES Packing.java
//SOURCES PartBuffer.java
//SOURCES PartReader.java
//SOURCES PatientHttp.java
//SOURCES PgRestore.java
//SOURCES PlainTable.java
//SOURCES Pooler.java
//SOURCES PostgresTools.java
//SOURCES Private.java
//SOURCES Progress.java
//SOURCES Proof.java
//SOURCES ReadBack.java
//SOURCES Repair.java
//SOURCES Retention.java
//SOURCES Rights.java
//SOURCES RowCount.java
//SOURCES Run.java
//SOURCES Seal.java
//SOURCES Sealed.java
//SOURCES Secret.java
//SOURCES Selection.java
//SOURCES Setting.java
//SOURCES Settings.java
//SOURCES Sha256.java
//SOURCES Signature.java
//SOURCES SignOfLife.java
//SOURCES Silence.java
//SOURCES Similar.java
//SOURCES Snapshot.java
//SOURCES Spool.java
//SOURCES SqlFailure.java
//SOURCES Stamp.java
//SOURCES Statistics.java
//SOURCES Steps.java
//SOURCES Store.java
//SOURCES StoreClock.java
//SOURCES StoreError.java
//SOURCES StoreProbe.java
//SOURCES Stray.java
//SOURCES StreamCounts.java
//SOURCES Subscriptions.java
//SOURCES Sudden.java
//SOURCES Supabase.java
//SOURCES TableName.java
//SOURCES Tee.java
//SOURCES Tool.java
//SOURCES ToolHistory.java
//SOURCES Undo.java
//SOURCES UnknownSettings.java
//SOURCES Unsealed.java
//SOURCES Upload.java
//SOURCES WarmUp.java
//SOURCES Watch.java
//SOURCES Workspace.java
//SOURCES WriteForm.java
//DEPS info.picocli:picocli:4.7.7
//DEPS com.google.code.gson:gson:2.15.0
//DEPS org.postgresql:postgresql:42.7.14
//DEPS software.amazon.awssdk:s3:2.57.8
//DEPS com.github.luben:zstd-jni:1.5.7-28
//DEPS com.exceptionfactory.jagged:jagged-framework:1.0.0
//DEPS com.exceptionfactory.jagged:jagged-x25519:1.0.0
//DEPS org.slf4j:slf4j-api:2.0.18
//DEPS org.slf4j:slf4j-nop:2.0.18
// Cron and env -i have no locale, and JDK 17 then takes sources for ASCII.
//COMPILE_OPTIONS -encoding UTF-8
// A compiler that runs for seconds only gets nothing back for being optimised itself: less than half of its time with C1 alone.
//COMPILE_OPTIONS -J-XX:TieredStopAtLevel=1 -J-XX:+UseSerialGC -proc:none
// Java then need not make code for each joining of strings at every start: a tenth of what a short command takes.
//COMPILE_OPTIONS -XDstringConcat=inline
package ops;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/** The library of the kit: its files, its pinned dependencies, its version. */
public final class Ops {
    public static final String VERSION = "0.1.0";

    private Ops() { }

    /** The commit of the kit's checkout, shortened; empty outside of git. */
    public static String commit(Run run) throws InterruptedException {
        try {
            var git = List.of("-C", Home.dir().toString(), "rev-parse", "--short=12", "HEAD");
            return Tool.text(run, Path.of("git"), git, Map.of(), Duration.ofSeconds(5)).strip();
        } catch (Failure | IOException e) {
            return "";
        }
    }

    public static void main(String... args) {
        System.out.println("handover " + VERSION + ": the library behind the scripts; open it with: jbang edit ops");
    }
}
