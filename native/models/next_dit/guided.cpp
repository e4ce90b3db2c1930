#include "models/next_dit/guided.h"

#include <algorithm>

#include "core/error.h"
#include "models/next_dit/graphed_steps.h"

namespace svg {
namespace {

constexpr size_t kKeptLayouts = 4;

/// The queries that some row needs the image of, in order.
std::vector<size_t> queries_with_rows(const std::vector<GuidedRow>& rows) {
  std::vector<size_t> queries;
  for (const GuidedRow& row : rows) queries.push_back(row.query);
  std::sort(queries.begin(), queries.end());
  queries.erase(std::unique(queries.begin(), queries.end()), queries.end());
  return queries;
}

/// Undefined where all take the table's only row.
at::Tensor groups_of(const std::vector<int64_t>& modulated) {
  return modulated.empty() ? at::Tensor() : at::tensor(modulated, at::kLong);
}

}  // namespace

int64_t NextDitGuided::add(const GuidedItem& item, const std::vector<double>& times) {
  const at::Tensor shape_only = at::empty({1}).expand({model_.config.in_channels, item.cells.rows, item.cells.columns});
  Item added{item, model_.grid_of(shape_only), nullptr, {}, {}};
  // Pictures with the same times share their adaLN.
  for (const auto& [_, other] : items_.all()) {
    if (*other.times == times) added.times = other.times;
  }
  if (!added.times) added.times = std::make_shared<const std::vector<double>>(times);
  return items_.add(std::move(added));
}

void NextDitGuided::remove(int64_t item) {
  items_.remove(item);
  std::erase_if(image_layouts_, [item](const ImageLayout& layout) {
    return std::find(layout.items.begin(), layout.items.end(), item) != layout.items.end();
  });
  std::erase_if(sequence_layouts_, [item](const SequenceLayout& layout) {
    return std::any_of(layout.sequences.begin(), layout.sequences.end(),
                       [item](const Sequence& sequence) { return sequence.item == item; });
  });
}

VelocityCounts NextDitGuided::reused(int64_t item) const {
  const Item& known = items_.at(item);
  return {known.conditional.reused, known.unconditional.reused};
}

NextDitGuided::ImageLayout& NextDitGuided::image_layout(const std::vector<int64_t>& items) {
  const auto known = std::find_if(image_layouts_.begin(), image_layouts_.end(),
                                  [&](const ImageLayout& layout) { return layout.items == items; });
  if (known != image_layouts_.end()) return *known;
  if (image_layouts_.size() >= kKeptLayouts) image_layouts_.pop_front();
  std::vector<TokenGrid> grids;
  for (const int64_t item : items) grids.push_back(items_.at(item).grid);
  image_layouts_.push_back({items, model_.pack_images(grids), std::nullopt});
  return image_layouts_.back();
}

NextDitGuided::SequenceLayout& NextDitGuided::sequence_layout(const std::vector<Sequence>& sequences) {
  const auto known = std::find_if(sequence_layouts_.begin(), sequence_layouts_.end(),
                                  [&](const SequenceLayout& layout) { return layout.sequences == sequences; });
  if (known != sequence_layouts_.end()) return *known;
  if (sequence_layouts_.size() >= kKeptLayouts) sequence_layouts_.pop_front();
  std::vector<int64_t> tokens;
  std::vector<TokenGrid> grids;
  for (const Sequence& sequence : sequences) {
    const Item& item = items_.at(sequence.item);
    tokens.push_back(item.caption(sequence.conditional).size(0));
    grids.push_back(item.grid);
  }
  Packing rows = model_.pack_sequences(tokens, grids);
  RowSubset image_rows = model_.image_rows(rows, tokens);
  sequence_layouts_.push_back({sequences, std::move(rows), std::move(image_rows), std::nullopt});
  return sequence_layouts_.back();
}

NextDitGuided::Embedded NextDitGuided::embed(const GuidedStep& step, const std::vector<GuidedQuery>& queries) {
  const std::vector<size_t> drawn = queries_with_rows(step.rows());
  std::vector<int64_t> items;
  std::vector<at::Tensor> latents;
  std::vector<ModulationWindow::Asked> asked;
  for (const size_t query : drawn) {
    items.push_back(queries[query].item);
    latents.push_back(queries[query].latent);
    asked.push_back({items_.at(items.back()).times, queries[query].when.t});
  }
  const ModulationWindow::Rows modulation = modulation_.at(asked);
  ImageLayout& layout = image_layout(items);
  const std::vector<int64_t>& bounds = layout.packing.segments.offsets;
  if (layout.modulated != modulation.rows) {
    layout.packing.group = groups_of_rows(groups_of(modulation.rows), bounds, model_.device());
    layout.modulated = modulation.rows;
  }
  const at::Tensor images = model_.embed_images(latents, layout.packing, modulation.table);

  Embedded embedded{{}, modulation.table, modulation.rows.empty()};
  for (const GuidedRow& row : step.rows()) {
    const auto place = static_cast<size_t>(std::lower_bound(drawn.begin(), drawn.end(), row.query) - drawn.begin());
    embedded.rows.push_back({{queries[row.query].item, row.conditional},
                             queries[row.query].when,
                             images.narrow(0, bounds[place], bounds[place + 1] - bounds[place]),
                             modulation.rows.empty() ? 0 : modulation.rows[place]});
  }
  return embedded;
}

std::vector<CachedSequence> NextDitGuided::cached_sequences(const Embedded& step, const std::vector<size_t>& rows) {
  std::vector<at::Tensor> parts;
  std::vector<int64_t> offsets = {0}, modulated;
  for (const size_t r : rows) {
    const Row& row = step.rows[r];
    const at::Tensor& caption = items_.at(row.sequence.item).caption(row.sequence.conditional);
    parts.push_back(caption);
    parts.push_back(row.image);
    offsets.push_back(offsets.back() + caption.size(0) + row.image.size(0));
    if (!step.one_time) modulated.push_back(row.modulated);
  }
  std::vector<CachedSequence> cached;
  if (rows.empty()) return cached;
  const at::Tensor group = groups_of_rows(groups_of(modulated), offsets, model_.device());
  const at::Tensor inputs = model_.first_input(at::cat(parts, 0), group, step.table);
  for (size_t i = 0; i < rows.size(); ++i) {
    const Row& row = step.rows[rows[i]];
    Item& item = items_.at(row.sequence.item);
    cached.push_back({row.sequence.conditional ? &item.conditional : &item.unconditional, *item.given.step_cache,
                      row.when, inputs.narrow(0, offsets[i], offsets[i + 1] - offsets[i])});
  }
  return cached;
}

NextDitGuided::ImageRows NextDitGuided::run_blocks(const Embedded& step, const std::vector<size_t>& rows) {
  std::vector<Sequence> sequences;
  std::vector<at::Tensor> parts;
  std::vector<int64_t> modulated;
  for (const size_t r : rows) {
    const Row& row = step.rows[r];
    sequences.push_back(row.sequence);
    parts.push_back(items_.at(row.sequence.item).caption(row.sequence.conditional));
    parts.push_back(row.image);
    if (!step.one_time) modulated.push_back(row.modulated);
  }
  SequenceLayout& layout = sequence_layout(sequences);
  if (layout.modulated != modulated) {
    layout.modulated.reset();
    const at::Tensor groups = groups_of(modulated);
    layout.rows.group = groups_of_rows(groups, layout.rows.segments.offsets, model_.device());
    layout.image_rows.group = groups_of_rows(groups, layout.image_rows.segments.offsets, model_.device());
    layout.modulated = modulated;
  }
  return {rows, model_.run_blocks(at::cat(parts, 0), layout.rows, layout.image_rows, step.table),
          layout.image_rows.segments.offsets, layout.image_rows.group};
}

NextDitGuided::ImageRows NextDitGuided::add_residuals(const Embedded& step, const std::vector<size_t>& rows,
                                                      const std::vector<at::Tensor>& residuals) const {
  ImageRows images{rows, {}, {0}, {}};
  std::vector<at::Tensor> sums;
  std::vector<int64_t> modulated;
  for (size_t i = 0; i < rows.size(); ++i) {
    sums.push_back(step.rows[rows[i]].image + residuals[i]);
    images.offsets.push_back(images.offsets.back() + sums[i].size(0));
    if (!step.one_time) modulated.push_back(step.rows[rows[i]].modulated);
  }
  images.values = at::cat(sums, 0);
  images.group = groups_of_rows(groups_of(modulated), images.offsets, model_.device());
  return images;
}

void NextDitGuided::finish(const Embedded& step, const ImageRows& images, std::vector<at::Tensor>& velocities) const {
  const at::Tensor patches = model_.final_patches(images.values, images.group, step.table);
  for (size_t i = 0; i < images.rows.size(); ++i) {
    const size_t r = images.rows[i];
    const TokenGrid& grid = items_.at(step.rows[r].sequence.item).grid;
    velocities[r] = model_.unpatchify(patches.narrow(0, images.offsets[i], grid.tokens()), grid);
  }
}

std::vector<at::Tensor> NextDitGuided::velocity(const std::vector<GuidedQuery>& queries) {
  std::vector<const GuidedItem*> given;
  for (const GuidedQuery& query : queries) given.push_back(&items_.at(query.item).given);
  const GuidedStep step(queries, std::move(given));
  if (step.rows().empty()) return step.guided({});
  if (const auto velocities = replayed(step, queries)) return step.guided(*velocities);
  const Embedded embedded = embed(step, queries);

  std::vector<size_t> cached;
  for (size_t r = 0; r < embedded.rows.size(); ++r) {
    if (items_.at(embedded.rows[r].sequence.item).given.step_cache) cached.push_back(r);
  }
  StepCacheTurn turn(cached_sequences(embedded, cached));
  std::vector<size_t> computed, reused;
  std::vector<at::Tensor> residuals;
  for (size_t r = 0, c = 0; r < embedded.rows.size(); ++r) {
    const bool is_cached = c < cached.size() && cached[c] == r;
    if (!is_cached || turn.computes(c)) {
      computed.push_back(r);
    } else {
      reused.push_back(r);
      residuals.push_back(turn.residual(c));
    }
    c += is_cached;
  }

  std::vector<at::Tensor> velocities(embedded.rows.size());
  if (!reused.empty()) finish(embedded, add_residuals(embedded, reused, residuals), velocities);
  if (!computed.empty()) {
    const ImageRows images = run_blocks(embedded, computed);
    finish(embedded, images, velocities);
    for (size_t i = 0; i < computed.size(); ++i) {
      const auto c = std::lower_bound(cached.begin(), cached.end(), computed[i]);
      if (c == cached.end() || *c != computed[i]) continue;
      turn.set_residual(static_cast<size_t>(c - cached.begin()), images.of(i) - embedded.rows[computed[i]].image);
    }
  }
  turn.commit();
  return step.guided(velocities);
}

std::optional<std::vector<at::Tensor>> NextDitGuided::replayed(const GuidedStep& step,
                                                               const std::vector<GuidedQuery>& queries) {
  if (!model_.graphed || model_.runner != plain_blocks()) return std::nullopt;
  const std::vector<size_t> drawn = queries_with_rows(step.rows());
  StepInputs inputs;
  std::vector<ModulationWindow::Asked> asked;
  for (const size_t query : drawn) {
    const Item& item = items_.at(queries[query].item);
    if (item.given.step_cache) return std::nullopt;  // each step may leave out others
    inputs.grids.push_back(item.grid);
    inputs.latents.push_back(queries[query].latent);
    asked.push_back({item.times, queries[query].when.t});
  }
  for (const GuidedRow& row : step.rows()) {
    inputs.image.push_back(
        static_cast<size_t>(std::lower_bound(drawn.begin(), drawn.end(), row.query) - drawn.begin()));
    inputs.captions.push_back(step.condition_of(row));
  }
  const ModulationWindow::Rows modulation = modulation_.at(asked);
  inputs.table = modulation.table;
  inputs.times = modulation.rows;
  const std::optional<at::Tensor> patches = model_.graphed->patches(model_, inputs);
  if (!patches) return std::nullopt;
  std::vector<at::Tensor> velocities;
  int64_t start = 0;
  for (const size_t place : inputs.image) {
    const TokenGrid& grid = inputs.grids[place];
    velocities.push_back(model_.unpatchify(patches->narrow(0, start, grid.tokens()), grid));
    start += grid.tokens();
  }
  return velocities;
}

std::unique_ptr<GuidedVelocity> NextDit::guide() const {
  // What is recorded has to find the captions' bounds on the device.
  const StepRecorder recorder = step_recorder(device());
  if (!graphed && recorder && has_packed_kernel(device(), dtype(), config.head_dim())) {
    graphed = std::make_shared<GraphedSteps>(recorder);
  }
  return std::make_unique<NextDitGuided>(*this);
}

}  // namespace svg
