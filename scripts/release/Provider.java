package release;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import ops.Settings;

/**
 * Where a site is served from. What a provider's command line says counts for nothing: an exit code of 0 is no proof, so
 * whatever is reported here was asked of the provider itself, and is read back.
 *
 * <p>Failures: ToolFailed when its command line is missing or fails, Failed when the provider refuses, BadSetting when a
 * token or a project is wrong, Unclear when it can't be told how something ended. Requests are tried again when the
 * provider is busy or broken for a moment.
 */
public interface Provider {
    /**
     * What visitors get.
     *
     * @param deployment the provider's name for it
     * @param release the release that the deployment says it is; null when it was not deployed by this kit
     * @param commit that the deployment says it is made of; null when it does not
     */
    record Live(String deployment, String release, String commit) { }

    /**
     * A release that is uploaded and that no visitor sees yet.
     *
     * @param deployment the provider's name for it; words in its place where nothing can be uploaded before it is promoted
     * @param url where it can be looked at; null when there is no such place
     */
    record Staged(String deployment, String url) { }

    /** As in DEPLOY_PROVIDER. */
    String name();

    /** The command line that a deploy uploads with, and that the application has to pin; empty when there is none. */
    default Optional<String> program() { return Optional.empty(); }

    /** Makes sure that the token is taken and that the project is there; says in a few words what was found. */
    String reach() throws IOException, InterruptedException;

    /** Why another environment's settings lead to what this one changes, whatever names they give it; empty when they lead elsewhere. */
    Optional<String> sharedWith(Settings other) throws IOException, InterruptedException;

    /** What is live now; empty when nothing is yet. */
    Optional<Live> live() throws IOException, InterruptedException;

    /** Makes of what a build has left what is uploaded: a folder, whole, that needs neither the sources nor the build again. */
    Path pack(Application application, Path built) throws IOException, InterruptedException;

    /** Where in what is uploaded the pages lie. */
    default Path pages(Path packed) { return packed; }

    /** Uploads a release where no visitor sees it: by the application's own command line, or by the API where its packages are not installed. */
    Staged stage(Release release, Path packed, Application application) throws IOException, InterruptedException;

    /** Makes a staged release live, and returns once the provider itself says that it is; the name may be another from then on. */
    Live promote(Release release, Staged staged, Path packed, Application application) throws IOException, InterruptedException;

    /** Whether a deployment that was live before can be live again without an upload. */
    boolean keeps(String deployment) throws IOException, InterruptedException;

    /** Makes an earlier deployment live again, and returns once the provider itself says that it is. */
    void rollBack(String deployment) throws IOException, InterruptedException;

    /**
     * Whether a promotion or rollback that has failed may still be carried out, as far as can be told: false only when
     * the provider has refused it.
     */
    default boolean hasOrdered() { return true; }

    /**
     * Removes old deployments where it is this kit that keeps them: once what is live is proven, and never before.
     *
     * @param needed stay in any case: what is live, what was, and what a rollback would take
     * @param good go after all that is neither of both, the last ones first
     */
    default void tidy(List<String> needed, List<String> good) throws IOException, InterruptedException { }
}
